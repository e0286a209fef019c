#!/bin/sh
# w0x/a -> w0x/b:80 is CONNECTED, and should be blocked
# Needs kubectl and a cluster whose nodes can pull the images. KUBECONFIG and KUBECTL_CONTEXT choose the cluster.
# Creates the namespaces w0x, and deletes them at the end.
# Exit status: 0: the network does what is expected; 1: it does not; 2: nothing can be said.
set -u
k() { kubectl ${KUBECTL_CONTEXT:+--context "$KUBECTL_CONTEXT"} "$@"; }
broken() { echo "reproduce.sh: $*" >&2; exit 2; }
command -v kubectl >/dev/null || broken "there is no kubectl in PATH"
clean_up() { k delete namespace w0x --ignore-not-found --wait=false >/dev/null 2>&1; }
for name in w0x; do
    k get namespace "$name" >/dev/null 2>&1 && broken "there is a namespace $name already; delete it"
done
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
apply() { k apply -f - >/dev/null || broken "the objects could not be applied"; }
await() {
    k wait pod --all -n "$1" --for=condition=Ready --timeout=180s >/dev/null || broken "the pods of $1 are not ready"
}
apply <<'END_OF_OBJECTS'
apiVersion: v1
kind: Namespace
metadata: {name: w0x}
END_OF_OBJECTS

# step s1
apply <<'END_OF_OBJECTS'
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: w0x}
spec:
  containers:
    - name: serve-81
      image: registry.k8s.io/e2e-test-images/agnhost:2.53
      args: [netexec, --http-port=81, --udp-port=81]
      ports: []
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: w0x}
spec:
  containers:
    - name: serve-80
      image: registry.k8s.io/e2e-test-images/agnhost:2.53
      args: [netexec, --http-port=80, --udp-port=80]
      ports:
        - {containerPort: 80}
END_OF_OBJECTS
await w0x
apply <<'END_OF_OBJECTS'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p0, namespace: w0x}
spec:
  podSelector: {}
  ingress:
    - from:
        - namespaceSelector: {}
      ports:
        - {port: nobody}
END_OF_OBJECTS

address=$(k get pod b -n w0x -o 'jsonpath={.status.podIP}') || broken "the target has no address"
[ -n "$address" ] || broken "the target has no address"
probe() { # in the pod $2 of namespace $1; TCP by a connection, UDP by an answer
    k exec -n "$1" "$2" -- sh -c 'if nc -z -w 3 "$1" "$2"; then echo OPEN; elif command -v nc >/dev/null; then echo CLOSED; fi' probe "$address" 80 2>/dev/null
}
ask() {
    case "$(probe w0x a)" in
        *OPEN*) echo allowed ;;
        *CLOSED*) echo blocked ;;
        *) echo unknown ;;
    esac
}
observed=unknown
for attempt in 1 2 3 4 5; do
    observed=$(ask)
    [ "$observed" = blocked ] && break
    sleep 2
done
[ "$observed" = unknown ] && broken "the probe could not run in the source pod"
case "$(probe w0x b)" in
    *OPEN*) ;;
    *) broken "the target does not answer its own pod, so nothing can be said" ;;
esac
echo 'w0x/a -> w0x/b:80'
echo "expected: "blocked
echo "observed: $observed"
[ "$observed" = blocked ]

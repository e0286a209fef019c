from typing import Any

import pytest


def conditions(cluster: Any) -> dict[str, str]:
    return {
        c["type"]: c["reason"] for c in cluster.status("jobs", "load").get("conditions", ()) if c["status"] == "True"
    }


def job(workload: Any, policy: str = "Never", **spec: Any) -> Any:
    made = workload("load", {"restartPolicy": policy}, **spec)
    del made["spec"]["selector"]
    return made


def active(cluster: Any) -> list[str]:
    return sorted(p["metadata"]["name"] for p in cluster.list("pods") if p["status"]["phase"] in ("Pending", "Running"))


def end_one(cluster: Any, phase: str) -> None:
    cluster.set_phase(active(cluster)[0], phase)


def test_a_job_ends_with_its_pod(cluster: Any, workload: Any) -> None:
    created = cluster.create("jobs", job(workload))
    uid = created["metadata"]["uid"]
    [pod] = cluster.list("pods")
    assert pod["metadata"]["labels"]["batch.kubernetes.io/controller-uid"] == uid
    assert pod["metadata"]["labels"]["job-name"] == "load"
    assert pod["metadata"]["name"].startswith("load-")
    assert cluster.status("jobs", "load")["active"] == 1
    end_one(cluster, "Succeeded")
    status = cluster.status("jobs", "load")
    assert conditions(cluster) == {"SuccessCriteriaMet": "CompletionsReached", "Complete": "CompletionsReached"}
    assert (status["succeeded"], "active" in status, "completionTime" in status) == (1, False, True)
    assert cluster.names("pods") == {pod["metadata"]["name"]}


def test_completions_are_worked_off_in_parallel(cluster: Any, workload: Any) -> None:
    cluster.create("jobs", job(workload, completions=3, parallelism=2))
    for expected in (2, 2, 1):
        assert len(active(cluster)) == expected
        end_one(cluster, "Succeeded")
    assert active(cluster) == []
    assert "Complete" in conditions(cluster)


def test_a_pod_that_has_succeeded_counts_after_its_deletion(cluster: Any, workload: Any) -> None:
    cluster.create("jobs", job(workload, completions=2))
    done = active(cluster)[0]
    end_one(cluster, "Succeeded")
    cluster.delete("pods", done)
    end_one(cluster, "Succeeded")
    assert "Complete" in conditions(cluster)


def test_without_completions_the_first_success_starts_the_end(cluster: Any, workload: Any) -> None:
    cluster.create("jobs", job(workload, parallelism=2))
    end_one(cluster, "Succeeded")
    assert len(active(cluster)) == 1
    end_one(cluster, "Succeeded")
    assert "Complete" in conditions(cluster)


def test_failed_pods_are_replaced_after_pauses_until_the_limit(cluster: Any, workload: Any) -> None:
    cluster.create("jobs", job(workload, backoffLimit=1))
    end_one(cluster, "Failed")
    assert active(cluster) == []
    [timer] = cluster.timers
    assert timer.seconds == 0.5
    cluster.pass_time(0.5)
    end_one(cluster, "Failed")
    assert conditions(cluster) == {"FailureTarget": "BackoffLimitExceeded", "Failed": "BackoffLimitExceeded"}
    assert cluster.status("jobs", "load")["failed"] == 2
    cluster.pass_time(60)
    assert active(cluster) == []


def test_restarts_in_place_count_too(cluster: Any, workload: Any) -> None:
    cluster.create("jobs", job(workload, "OnFailure", backoffLimit=2))
    [name] = active(cluster)
    restarted = {"containerStatuses": [{"restartCount": 2}]}
    pod = cluster.get("pods", name)
    cluster.store.update("pods", {**pod, "status": {**pod["status"], **restarted}})
    cluster.settle()
    assert "Failed" in conditions(cluster)
    assert active(cluster) == []


def test_a_deadline_ends_the_job(cluster: Any, workload: Any) -> None:
    cluster.create("jobs", job(workload, activeDeadlineSeconds=5))
    assert [timer.seconds for timer in cluster.timers] == [5]
    cluster.pass_time(5)
    assert conditions(cluster)["Failed"] == "DeadlineExceeded"
    assert active(cluster) == []


def test_a_finished_job_is_deleted_when_its_time_has_come(cluster: Any, workload: Any) -> None:
    cluster.create("jobs", job(workload, ttlSecondsAfterFinished=9))
    end_one(cluster, "Succeeded")
    cluster.pass_time(8)
    assert cluster.names("jobs") == {"load"}
    cluster.pass_time(1)
    assert cluster.names("jobs") == set()
    assert cluster.names("pods") == set()


def test_a_suspended_job_has_no_pods(cluster: Any, workload: Any) -> None:
    cluster.create("jobs", job(workload, suspend=True))
    assert active(cluster) == []
    assert conditions(cluster) == {"Suspended": "JobSuspended"}
    cluster.change("jobs", "load", suspend=False)
    assert len(active(cluster)) == 1
    assert conditions(cluster) == {}


def test_an_indexed_job_completes_each_index(cluster: Any, workload: Any) -> None:
    cluster.create("jobs", job(workload, completionMode="Indexed", completions=3, parallelism=3))
    names = active(cluster)
    assert [name[:7] for name in names] == ["load-0-", "load-1-", "load-2-"]
    pod = cluster.get("pods", names[1])
    assert pod["spec"]["hostname"] == "load-1"
    assert pod["metadata"]["annotations"] == {"batch.kubernetes.io/job-completion-index": "1"}
    assert pod["spec"]["containers"][0]["env"][0]["name"] == "JOB_COMPLETION_INDEX"
    cluster.set_phase(names[0], "Succeeded")
    cluster.set_phase(names[1], "Succeeded")
    assert cluster.status("jobs", "load")["completedIndexes"] == "0-1"
    cluster.set_phase(names[2], "Succeeded")
    assert "Complete" in conditions(cluster)


def cron_job(workload: Any) -> Any:
    spec = {"schedule": "*/5 * * * *", "jobTemplate": {"spec": job(workload)["spec"]}, "successfulJobsHistoryLimit": 1}
    return {"metadata": {"name": "nightly"}, "spec": spec}


def run(cluster: Any, workload: Any, name: str) -> None:
    owner = cluster.get("cronjobs", "nightly")
    reference = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "uid": owner["metadata"]["uid"]}
    metadata = {"name": name, "ownerReferences": [{**reference, "controller": True}]}
    cluster.create("jobs", {**job(workload), "metadata": metadata})


def test_a_cron_job_runs_on_request_and_keeps_a_history(cluster: Any, workload: Any) -> None:
    cluster.create("cronjobs", cron_job(workload))
    assert cluster.names("jobs") == set()
    for name in ("first", "second"):
        run(cluster, workload, name)
        assert [each["name"] for each in cluster.status("cronjobs", "nightly")["active"]] == [name]
        end_one(cluster, "Succeeded")
        cluster.now = cluster.now.replace(hour=cluster.now.hour + 1)
    assert cluster.names("jobs") == {"second"}
    assert "active" not in cluster.status("cronjobs", "nightly")


@pytest.mark.parametrize(("options", "left"), [({}, 1), ({"propagationPolicy": "Background"}, 0)])
def test_pods_outlive_a_job_unless_asked(cluster: Any, workload: Any, options: dict[str, str], left: int) -> None:
    cluster.create("jobs", job(workload))
    cluster.delete("jobs", "load", **options)
    assert len(cluster.list("pods")) == left

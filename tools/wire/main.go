// Prints how the API's Go structs stand on the wire, as the embedded cluster's wire.json: for each struct its protobuf
// fields by number, with the JSON name and the Go type. Called by tools/generate_wire.py.
//
// Read from the structs' own tags by reflection, for the .proto files do not tell a pointer from a value and which
// structs JSON puts inline; both decide whether a zero on the wire is a value or nothing.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

type document struct {
	Kinds   map[string]string            `json:"kinds"`
	Structs map[string]map[string]string `json:"structs"`
}

func main() {
	found := document{map[string]string{}, map[string]map[string]string{}}
	for _, word := range os.Args[1:] {
		slash := strings.LastIndex(word, "/")
		version, err := schema.ParseGroupVersion(word[:slash])
		if err != nil {
			panic(err)
		}
		object, err := scheme.Scheme.New(version.WithKind(word[slash+1:]))
		if err != nil {
			panic(err)
		}
		root := reflect.TypeOf(object).Elem()
		found.Kinds[word] = name(root)
		found.add(root)
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		panic(err)
	}
}

// add describes a struct and every struct that it reaches.
func (found *document) add(kind reflect.Type) {
	if _, known := found.Structs[name(kind)]; known {
		return
	}
	fields := map[string]string{}
	found.Structs[name(kind)] = fields
	for i := 0; i < kind.NumField(); i++ {
		field := kind.Field(i)
		words := strings.Split(field.Tag.Get("protobuf"), ",")
		if len(words) > 1 {
			fields[words[1]] = strings.TrimSuffix(field.Tag.Get("json"), ",inline") + " " + found.shape(field.Type)
		}
	}
}

// shape is a Go type in Go's notation, with the OpenAPI names of structs.
func (found *document) shape(kind reflect.Type) string {
	switch {
	case kind.Kind() == reflect.Pointer:
		return "*" + found.shape(kind.Elem())
	case kind.Kind() == reflect.Slice && kind.Elem().Kind() == reflect.Uint8:
		return "bytes"
	case kind.Kind() == reflect.Slice && isMessage(kind):
		found.Structs[name(kind)] = map[string]string{"1": "items []" + found.shape(kind.Elem())}
		return name(kind)
	case kind.Kind() == reflect.Slice:
		return "[]" + found.shape(kind.Elem())
	case kind.Kind() == reflect.Map:
		return "map[string]" + found.shape(kind.Elem())
	case kind.Kind() == reflect.Struct:
		found.add(kind)
		return name(kind)
	default:
		return kind.Kind().String()
	}
}

// isMessage says whether a slice type is a message of its own on the wire, as authorization's ExtraValue is.
func isMessage(kind reflect.Type) bool {
	_, found := reflect.PointerTo(kind).MethodByName("Unmarshal")
	return found
}

func name(kind reflect.Type) string {
	path := strings.Replace(kind.PkgPath(), "k8s.io/", "io.k8s.", 1)
	return fmt.Sprintf("%s.%s", strings.ReplaceAll(path, "/", "."), kind.Name())
}

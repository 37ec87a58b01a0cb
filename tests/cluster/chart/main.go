// Renders a Helm chart: chart folder, release, namespace, then files with values; manifests on standard output.
//
// Helm itself takes minutes to build. This has its template language (Go templates, sprig, include, toYaml, fromYaml,
// .Files.Get, .Values, .Release, .Chart) and none of its rest, which is what the shipped chart uses.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"sigs.k8s.io/yaml"
)

type files string

func (folder files) Get(name string) (string, error) {
	read, err := os.ReadFile(filepath.Join(string(folder), name))
	return string(read), err
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 3 {
		return fmt.Errorf("usage: chart CHART RELEASE NAMESPACE [VALUES.yaml ...]")
	}
	chart, values := map[string]any{}, map[string]any{}
	if err := read(filepath.Join(args[0], "Chart.yaml"), &chart); err != nil {
		return err
	}
	for _, file := range append([]string{filepath.Join(args[0], "values.yaml")}, args[3:]...) {
		given := map[string]any{}
		if err := read(file, &given); err != nil {
			return err
		}
		merge(values, given)
	}
	data := map[string]any{
		"Values":  values,
		"Release": map[string]any{"Name": args[1], "Namespace": args[2], "Service": "Helm", "IsInstall": true},
		"Chart":   map[string]any{"Name": chart["name"], "Version": chart["version"], "AppVersion": chart["appVersion"]},
		"Files":   files(args[0]),
	}
	return render(args[0], data)
}

func read(file string, into *map[string]any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return yaml.Unmarshal(text, into)
}

// As Helm lays values over values: maps are merged, null takes a key away, everything else replaces.
func merge(under, over map[string]any) {
	for key, value := range over {
		below, isMap := under[key].(map[string]any)
		above, alsoMap := value.(map[string]any)
		switch {
		case value == nil:
			delete(under, key)
		case isMap && alsoMap:
			merge(below, above)
		default:
			under[key] = value
		}
	}
}

func render(folder string, data map[string]any) error {
	paths, err := filepath.Glob(filepath.Join(folder, "templates", "*"))
	if err != nil {
		return err
	}
	all := template.New("chart").Option("missingkey=zero")
	functions := sprig.TxtFuncMap()
	functions["toYaml"] = func(value any) (string, error) {
		written, err := yaml.Marshal(value)
		return strings.TrimSuffix(string(written), "\n"), err
	}
	functions["fromYaml"] = func(text string) (map[string]any, error) {
		parsed := map[string]any{}
		return parsed, yaml.Unmarshal([]byte(text), &parsed)
	}
	functions["include"] = func(name string, given any) (string, error) {
		var out bytes.Buffer
		err := all.ExecuteTemplate(&out, name, given)
		return out.String(), err
	}
	all.Funcs(functions)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if _, err := all.New(filepath.Base(path)).Parse(string(text)); err != nil {
			return err
		}
	}
	for _, path := range paths {
		if filepath.Ext(path) != ".yaml" {
			continue
		}
		fmt.Printf("---\n# Source: %s\n", filepath.Base(path))
		if err := all.ExecuteTemplate(os.Stdout, filepath.Base(path), data); err != nil {
			return err
		}
		fmt.Println()
	}
	return nil
}

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestMain has the test's own program be navarch-render where a test asks for a process of its own: bounds of a process
// cannot be tried within one.
func TestMain(m *testing.M) {
	if os.Getenv("AS_RENDERER") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func packed(t *testing.T, files map[string]string) string {
	t.Helper()
	var content bytes.Buffer
	squeezed := gzip.NewWriter(&content)
	archive := tar.NewWriter(squeezed)
	files["Chart.yaml"] = "apiVersion: v2\nname: demo\nversion: 1.0.0\n" + files["Chart.yaml"]
	for name, text := range files {
		if err := archive.WriteHeader(&tar.Header{Name: "demo/" + name, Size: int64(len(text)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	archive.Close()
	squeezed.Close()
	return base64.StdEncoding.EncodeToString(content.Bytes())
}

func of(template string) map[string]string {
	return map[string]string{"templates/a.yaml": template}
}

func inProcess(t *testing.T, asked request) (answer, string) {
	t.Helper()
	text, err := json.Marshal(asked)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(os.Args[0])
	command.Env = []string{"AS_RENDERER=1"}
	command.Stdin = bytes.NewReader(text)
	var out, complaints bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaints
	if err := command.Run(); err != nil {
		return answer{}, err.Error() + ": " + complaints.String()
	}
	var said answer
	if err := json.Unmarshal(out.Bytes(), &said); err != nil {
		t.Fatal(err)
	}
	return said, ""
}

func TestATemplateIsToldOfReleaseClusterAndUpgrade(t *testing.T) {
	template := "kind: A\nname: {{ .Release.Name }}\nin: {{ .Release.Namespace }}\nupgrade: {{ .Release.IsUpgrade }}\n" +
		"version: {{ .Capabilities.KubeVersion }}\nboats: {{ .Capabilities.APIVersions.Has \"example.org/v1/Boat\" }}\n"
	said, failed := inProcess(t, request{
		Chart: packed(t, of(template)), Release: "shop", Namespace: "store", Upgrade: true,
		Kubernetes: "1.37.2", APIs: []string{"v1", "example.org/v1/Boat"},
	})
	if failed != "" || len(said.Objects) != 1 {
		t.Fatal(failed, said)
	}
	content, _ := json.Marshal(said.Objects[0].Content)
	want := `{"boats":true,"in":"store","kind":"A","name":"shop","upgrade":true,"version":"v1.37.2"}`
	if string(content) != want {
		t.Errorf("got %s", content)
	}
}

func TestALookupIsAnsweredWithWhatIsKnownAndTellsWhatIsNot(t *testing.T) {
	chart := packed(t, of("kind: A\npassword: {{ (lookup \"v1\" \"Secret\" \"store\" \"p\").data }}\n"))
	said := render(request{Chart: chart})
	asked := lookup{APIVersion: "v1", Kind: "Secret", Namespace: "store", Name: "p"}
	if len(said.Lookups) != 1 || said.Lookups[0] != asked {
		t.Fatal(said)
	}
	said = render(request{Chart: chart, Found: []found{{asked, []map[string]any{{"data": "here"}}}}})
	if len(said.Lookups) != 0 || said.Objects[0].Content["password"] != "here" {
		t.Error(said)
	}
}

func TestEveryValueThatDoesNotFitIsNamed(t *testing.T) {
	schema := `{"properties":{"a":{"type":"integer"},"b":{"type":"string"}},"additionalProperties":false}`
	said := render(request{
		Chart: packed(t, map[string]string{"values.schema.json": schema}), ValuesOnly: true,
		Values: map[string]any{"a": "x", "b": 1, "c": 2},
	})
	text := strings.Join(said.Problems, "\n")
	for _, wanted := range []string{"at '/a': got string", "at '/b': got number", "additional properties 'c'"} {
		if !strings.Contains(text, wanted) {
			t.Errorf("%q is not in %q", wanted, text)
		}
	}
	if len(said.Problems) != 3 {
		t.Errorf("%d problems: %q", len(said.Problems), text)
	}
}

func TestASchemaReachesNeitherFilesNorTheNetwork(t *testing.T) {
	for _, reference := range []string{"file:///etc/hostname", "http://127.0.0.1:9/x", "https://127.0.0.1:9/x"} {
		schema := `{"properties":{"a":{"$ref":"` + reference + `"}}}`
		said, failed := inProcess(t, request{Chart: packed(t, map[string]string{"values.schema.json": schema})})
		if failed != "" || len(said.Problems) == 0 || !strings.Contains(strings.Join(said.Problems, " "), "too many open files") {
			t.Errorf("%s: %s %q", reference, failed, said.Problems)
		}
	}
}

func TestAKeyThatStandsTwiceIsAProblem(t *testing.T) {
	said := render(request{Chart: packed(t, of("kind: A\nname: a\nname: b\n"))})
	if len(said.Problems) != 1 || !strings.Contains(said.Problems[0], "already set") {
		t.Error(said)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	grows := "{{ $x := repeat 100000000 \"a\" }}{{ range untilStep 0 1000 1 }}{{ $x = cat $x $x }}{{ end }}{{ $x }}"
	if said, failed := inProcess(t, request{Chart: packed(t, of(grows))}); failed == "" {
		t.Error(said.Problems)
	}
}

func TestDefinitionsOfTheChartAreServedForItsTemplates(t *testing.T) {
	definition := "kind: CustomResourceDefinition\nspec:\n  group: example.org\n  names: {kind: Boat}\n  versions: [{name: v1}]\n"
	said := render(request{Chart: packed(t, map[string]string{
		"crds/boat.yaml":    definition,
		"templates/a.yaml":  "{{ if .Capabilities.APIVersions.Has \"example.org/v1/Boat\" }}kind: Boat{{ end }}",
		"templates/b.yaml":  "{{ if .Capabilities.APIVersions.Has \"example.org/v2\" }}kind: Boat{{ end }}",
		"templates/_c.yaml": "kind: Partial",
	})})
	if len(said.Objects) != 1 || len(said.Definitions) != 1 {
		t.Error(said)
	}
}

package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	"sigs.k8s.io/yaml"
)

const mostUnpacked = 20 << 20 // bytes of a chart's files

// request is what is to be rendered. Chart: a packed chart (.tgz) in base64. Kubernetes: the cluster's version. APIs:
// what it serves, as group/version and group/version/Kind; empty: what Helm takes for granted. Found: what lookups are
// answered with. ValuesOnly: the values are checked against the chart's schema, and nothing is rendered.
type request struct {
	Chart      string         `json:"chart"`
	Values     map[string]any `json:"values"`
	Release    string         `json:"release"`
	Namespace  string         `json:"namespace"`
	Kubernetes string         `json:"kubernetes"`
	APIs       []string       `json:"apis"`
	Upgrade    bool           `json:"upgrade"`
	Found      []found        `json:"found"`
	ValuesOnly bool           `json:"values_only"`
}

// answer has objects or problems, never both. Lookups are what templates asked for and Found does not hold: with it, the
// chart may render otherwise.
type answer struct {
	Definitions []map[string]any `json:"definitions"`
	Objects     []object         `json:"objects"`
	Notes       string           `json:"notes"`
	Lookups     []lookup         `json:"lookups"`
	Problems    []string         `json:"problems"`
}

// object is one document of a template. Hooks are among them, with their annotations.
type object struct {
	Template string         `json:"template"`
	Content  map[string]any `json:"content"`
}

func render(asked request) answer {
	said := answer{}
	err := said.fill(asked)
	if err != nil {
		said.Problems = append(said.Problems, lines(err)...)
	}
	if len(said.Problems) > 0 {
		return answer{Problems: said.Problems, Lookups: said.Lookups}
	}
	return said
}

func (a *answer) fill(asked request) error {
	made, err := load(asked.Chart)
	if err != nil {
		return err
	}
	values := asked.Values
	if values == nil {
		values = map[string]any{}
	}
	if err := chartutil.ProcessDependencies(made, values); err != nil {
		return err
	}
	capabilities, err := capabilitiesOf(asked, made)
	if err != nil {
		return err
	}
	options := common.ReleaseOptions{
		Name: asked.Release, Namespace: asked.Namespace, Revision: 1,
		IsInstall: !asked.Upgrade, IsUpgrade: asked.Upgrade,
	}
	all, err := util.ToRenderValuesWithSchemaValidation(made, values, options, capabilities, true)
	if err != nil {
		return err
	}
	complete, err := util.CoalesceValues(made, values)
	if err != nil {
		return err
	}
	if err := util.ValidateAgainstSchema(made, complete); err != nil || asked.ValuesOnly {
		return err
	}
	lookups := &answers{found: asked.Found}
	files, err := engine.RenderWithClientProvider(made, all, lookups)
	a.Lookups = lookups.missed
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		base := path.Base(name)
		switch {
		case strings.HasPrefix(base, "_"):
		case base == "NOTES.txt":
			if name == path.Join(made.Name(), "templates", base) {
				a.Notes = files[name]
			}
		default:
			a.Objects = append(a.Objects, a.documents(name, files[name])...)
		}
	}
	for _, file := range made.CRDObjects() {
		for _, document := range a.documents(file.Filename, string(file.File.Data)) {
			a.Definitions = append(a.Definitions, document.Content)
		}
	}
	return nil
}

// documents are those of a rendered file that hold something. A key that stands twice is a problem: which of the two
// would count is chance.
func (a *answer) documents(name, text string) []object {
	var made []object
	parts := releaseutil.SplitManifests(text)
	for _, key := range slices.SortedFunc(maps.Keys(parts), shorterFirst) {
		var content map[string]any
		if err := yaml.UnmarshalStrict([]byte(parts[key]), &content); err != nil {
			a.Problems = append(a.Problems, fmt.Sprintf("%s: %v", name, err))
		} else if len(content) > 0 {
			made = append(made, object{Template: name, Content: content})
		}
	}
	return made
}

// shorterFirst orders manifest-2 before manifest-10.
func shorterFirst(one, other string) int {
	if len(one) != len(other) {
		return len(one) - len(other)
	}
	return strings.Compare(one, other)
}

func load(packed string) (*chart.Chart, error) {
	archive.MaxDecompressedChartSize = mostUnpacked
	content, err := base64.StdEncoding.DecodeString(packed)
	if err != nil {
		return nil, fmt.Errorf("the chart is not in base64: %w", err)
	}
	made, err := loader.LoadArchive(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("the chart cannot be read: %w", err)
	}
	if made.Metadata.Type == "library" {
		return nil, fmt.Errorf("%s is a library: it has nothing to install", made.Name())
	}
	for _, wanted := range made.Metadata.Dependencies {
		if !slices.ContainsFunc(made.Dependencies(), func(d *chart.Chart) bool { return d.Name() == wanted.Name }) {
			return nil, fmt.Errorf("the chart %s that it depends on is not packed in (charts/)", wanted.Name)
		}
	}
	return made, nil
}

// capabilitiesOf is what templates are told of the cluster: what it serves, and what it will serve once the chart's own
// definitions are there.
func capabilitiesOf(asked request, made *chart.Chart) (*common.Capabilities, error) {
	capabilities := common.DefaultCapabilities.Copy()
	if asked.Kubernetes != "" {
		version, err := common.ParseKubeVersion(asked.Kubernetes)
		if err != nil {
			return nil, fmt.Errorf("Kubernetes version %q: %w", asked.Kubernetes, err)
		}
		capabilities.KubeVersion = *version
		wanted := made.Metadata.KubeVersion
		if wanted != "" && !chartutil.IsCompatibleRange(wanted, version.String()) {
			return nil, fmt.Errorf("%s %s is for Kubernetes %s, and this is %s",
				made.Name(), made.Metadata.Version, wanted, version)
		}
	}
	if len(asked.APIs) > 0 {
		capabilities.APIVersions = asked.APIs
	}
	for _, file := range made.CRDObjects() {
		capabilities.APIVersions = append(slices.Clone(capabilities.APIVersions), served(file.File.Data)...)
	}
	return capabilities, nil
}

// served are the API versions of the definitions in a file.
func served(text []byte) []string {
	var versions []string
	for _, part := range releaseutil.SplitManifests(string(text)) {
		var definition struct {
			Spec struct {
				Group    string
				Names    struct{ Kind string }
				Versions []struct{ Name string }
			}
		}
		if yaml.Unmarshal([]byte(part), &definition) != nil {
			continue // told when the file's documents are read
		}
		for _, version := range definition.Spec.Versions {
			of := definition.Spec.Group + "/" + version.Name
			versions = append(versions, of, of+"/"+definition.Spec.Names.Kind)
		}
	}
	return versions
}

// lines are the problems in an error: of values that do not fit a schema one for each of them, without the headings that
// Helm gives them; of all else, one.
func lines(err error) []string {
	var all, listed []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		line = strings.TrimSpace(line)
		if said, found := strings.CutPrefix(line, "- "); found {
			listed = append(listed, said)
		}
		if line != "" {
			all = append(all, line)
		}
	}
	if len(listed) > 0 {
		return listed
	}
	return []string{strings.Join(all, ": ")}
}

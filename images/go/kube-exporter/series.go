package main

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

const gauge = "gauge"

// kind is what is read of the API, and how an object of it becomes series.
type kind struct {
	resource, path string
	families       []described
	render         func(json.RawMessage) (metadata, rendered, error)
}

type described struct{ name, kind, help string }

// family is one name, and what an object gives under it.
type family[T any] struct {
	name, help string
	give       func(*T, *samples)
}

// rendered is the text of an object's series, family by family in the order of its kind's.
type rendered struct {
	text string
	ends []uint32
}

func (r rendered) of(family int) string {
	begin := uint32(0)
	if family > 0 {
		begin = r.ends[family-1]
	}
	return r.text[begin:r.ends[family]]
}

type withMetadata interface{ about() metadata }

// kindOf is the kind of the objects T, whose series all bear the labels that `labels` gives (names and values in turn).
func kindOf[T any](resource, path string, labels func(*T) []string, families []family[T]) kind {
	made := kind{resource: resource, path: path}
	for _, family := range families {
		how := gauge
		if strings.HasSuffix(family.name, "_total") {
			how = "counter"
		}
		made.families = append(made.families, described{family.name, how, family.help})
	}
	made.render = func(raw json.RawMessage) (metadata, rendered, error) {
		object := new(T)
		if err := json.Unmarshal(raw, object); err != nil {
			return metadata{}, rendered{}, err
		}
		out := samples{common: labels(object)}
		ends := make([]uint32, len(families))
		for i, family := range families {
			out.name = family.name
			family.give(object, &out)
			ends[i] = uint32(len(out.text))
		}
		return any(object).(withMetadata).about(), rendered{string(out.text), ends}, nil
	}
	return made
}

// samples is where an object's series are written to.
type samples struct {
	name   string
	common []string
	text   []byte
}

// add writes one series, with labels (names and values in turn) beside the common ones.
func (s *samples) add(value float64, labels ...string) {
	s.text = append(s.text, s.name...)
	before := byte('{')
	for _, pairs := range [][]string{s.common, labels} {
		for i := 0; i < len(pairs); i += 2 {
			s.text = append(append(append(s.text, before), pairs[i]...), '=', '"')
			s.text = append(append(s.text, escape.Replace(pairs[i+1])...), '"')
			before = ','
		}
	}
	if before == ',' {
		s.text = append(s.text, '}')
	}
	s.text = append(s.text, ' ')
	s.text = strconv.AppendFloat(s.text, value, 'f', -1, 64)
	s.text = append(s.text, '\n')
}

var escape = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// maybe writes a figure that may be absent.
func (s *samples) maybe(value *float64, labels ...string) {
	if value != nil {
		s.add(*value, labels...)
	}
}

// at writes a moment, as seconds since 1970.
func (s *samples) at(moment *time.Time, labels ...string) {
	if moment != nil && !moment.IsZero() {
		s.add(float64(moment.Unix()), labels...)
	}
}

// oneOf writes a series for each of `all`, 1 for the one that holds; what is not among them has none.
func (s *samples) oneOf(label, holds string, all ...string) {
	for _, each := range all {
		s.add(truth(each == holds), label, each)
	}
}

// condition writes true, false and unknown of a condition under the label `label`.
func (s *samples) condition(status, label string, labels ...string) {
	for _, each := range []string{"true", "false", "unknown"} {
		s.add(truth(strings.EqualFold(each, status)), append(slices.Clone(labels), label, each)...)
	}
}

// amounts writes resources (cpu, memory, ...) with their units.
func (s *samples) amounts(of map[string]string, labels ...string) {
	for _, name := range sorted(of) {
		if amount, ok := quantity(of[name]); ok {
			s.add(amount, append(slices.Clone(labels), "resource", sanitized(name), "unit", unit(name))...)
		}
	}
}

func truth(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

func sorted[V any](of map[string]V) []string {
	keys := make([]string, 0, len(of))
	for key := range of {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func unit(resource string) string {
	switch {
	case resource == "cpu":
		return "core"
	case resource == "memory", resource == "storage", resource == "ephemeral-storage",
		strings.HasPrefix(resource, "hugepages-"), strings.HasPrefix(resource, "attachable-volumes-"):
		return "byte"
	}
	return "integer"
}

// sanitized is a resource's name with nothing but letters, digits and "_".
func sanitized(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, name)
}

var suffixes = []struct {
	suffix string
	factor float64
}{
	{"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}, {"Ti", 1 << 40}, {"Pi", 1 << 50}, {"Ei", 1 << 60},
	{"n", 1e-9}, {"u", 1e-6}, {"m", 1e-3}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}, {"P", 1e15}, {"E", 1e18},
}

// quantity is the number that the API writes as 500m, 1Gi or 1e3.
func quantity(text string) (float64, bool) {
	number, err := strconv.ParseFloat(text, 64)
	if err == nil {
		return number, true
	}
	for _, s := range suffixes {
		digits, found := strings.CutSuffix(text, s.suffix)
		if number, err := strconv.ParseFloat(digits, 64); found && err == nil {
			if s.factor < 1 { // 100m is 0.1, not 0.1000…1
				return number / math.Round(1/s.factor), true
			}
			return number * s.factor, true
		}
	}
	return 0, false
}

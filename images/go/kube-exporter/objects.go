package main

import (
	"strconv"
	"time"
)

// kinds is all that is read; the add-on's ClusterRole names the same.
var kinds = []kind{
	namespaces, nodes, pods, deployments, replicaSets, statefulSets, daemonSets, jobs, cronJobs, autoscalers,
	claims, volumes,
}

// metadata is what is used of an object's.
type metadata struct {
	Name              string            `json:"name"`
	Namespace         string            `json:"namespace"`
	UID               string            `json:"uid"`
	ResourceVersion   string            `json:"resourceVersion"`
	Generation        float64           `json:"generation"`
	CreationTimestamp *time.Time        `json:"creationTimestamp"`
	DeletionTimestamp *time.Time        `json:"deletionTimestamp"`
	Labels            map[string]string `json:"labels"`
	OwnerReferences   []owner           `json:"ownerReferences"`
}

type owner struct {
	Kind       string `json:"kind"`
	Name       string `json:"name"`
	Controller *bool  `json:"controller"`
}

// object is what all kinds have; theirs embed it.
type object struct {
	Metadata metadata `json:"metadata"`
}

func (o *object) about() metadata { return o.Metadata }

type condition struct {
	Type   string `json:"type"`
	Status string `json:"status"`
	Reason string `json:"reason"`
}

// owners writes a series for each owner, and one with empty labels where there is none, as upstream does.
func owners(of metadata, out *samples) {
	if len(of.OwnerReferences) == 0 {
		out.add(1, "owner_kind", "", "owner_name", "", "owner_is_controller", "")
	}
	for _, each := range of.OwnerReferences {
		controls := each.Controller != nil && *each.Controller
		out.add(1, "owner_kind", each.Kind, "owner_name", each.Name, "owner_is_controller", strconv.FormatBool(controls))
	}
}

func (o *object) labelled(name string) []string {
	return []string{"namespace", o.Metadata.Namespace, name, o.Metadata.Name}
}

// The families that most kinds have.

func created[T any](prefix string) family[T] {
	return family[T]{prefix + "_created", "Unix creation timestamp", func(o *T, out *samples) {
		about := any(o).(withMetadata).about()
		out.at(about.CreationTimestamp)
	}}
}

func going[T any](prefix string) family[T] {
	return family[T]{prefix + "_deletion_timestamp", "Unix deletion timestamp", func(o *T, out *samples) {
		about := any(o).(withMetadata).about()
		out.at(about.DeletionTimestamp)
	}}
}

func generation[T any](prefix string) family[T] {
	help := "Sequence number representing a specific generation of the desired state."
	return family[T]{prefix + "_metadata_generation", help, func(o *T, out *samples) {
		about := any(o).(withMetadata).about()
		out.add(about.Generation)
	}}
}

func owned[T any](prefix string) family[T] {
	return family[T]{prefix + "_owner", "Information about the owner.", func(o *T, out *samples) {
		owners(any(o).(withMetadata).about(), out)
	}}
}

// number is a family of one figure of each object.
func number[T any](name, help string, of func(*T) float64) family[T] {
	return family[T]{name, help, func(o *T, out *samples) { out.add(of(o)) }}
}

// optional is the same where an object may be without it.
func optional[T any](name, help string, of func(*T) *float64) family[T] {
	return family[T]{name, help, func(o *T, out *samples) { out.maybe(of(o)) }}
}

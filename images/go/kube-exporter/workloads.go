package main

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

type deployment struct {
	object
	Spec struct {
		Replicas *float64 `json:"replicas"`
		Paused   bool     `json:"paused"`
		Strategy struct {
			RollingUpdate *struct {
				MaxUnavailable json.RawMessage `json:"maxUnavailable"`
				MaxSurge       json.RawMessage `json:"maxSurge"`
			} `json:"rollingUpdate"`
		} `json:"strategy"`
	} `json:"spec"`
	Status struct {
		ObservedGeneration  float64     `json:"observedGeneration"`
		Replicas            float64     `json:"replicas"`
		ReadyReplicas       float64     `json:"readyReplicas"`
		AvailableReplicas   float64     `json:"availableReplicas"`
		UnavailableReplicas float64     `json:"unavailableReplicas"`
		UpdatedReplicas     float64     `json:"updatedReplicas"`
		Conditions          []condition `json:"conditions"`
	} `json:"status"`
}

var deployments = kindOf("deployments", "/apis/apps/v1/deployments",
	func(o *deployment) []string { return o.labelled("deployment") },
	[]family[deployment]{
		created[deployment]("kube_deployment"),
		going[deployment]("kube_deployment"),
		generation[deployment]("kube_deployment"),
		optional("kube_deployment_spec_replicas", "Number of desired pods for a deployment.",
			func(o *deployment) *float64 { return o.Spec.Replicas }),
		number("kube_deployment_spec_paused", "Whether the deployment is paused and will not be processed by its controller.",
			func(o *deployment) float64 { return truth(o.Spec.Paused) }),
		{"kube_deployment_spec_strategy_rollingupdate_max_unavailable",
			"Maximum number of unavailable replicas during a rolling update of a deployment.",
			func(o *deployment, out *samples) {
				if update := o.Spec.Strategy.RollingUpdate; update != nil && o.Spec.Replicas != nil {
					out.maybe(share(update.MaxUnavailable, *o.Spec.Replicas, math.Floor))
				}
			}},
		{"kube_deployment_spec_strategy_rollingupdate_max_surge",
			"Maximum number of replicas that can be scheduled above the desired number during a rolling update.",
			func(o *deployment, out *samples) {
				if update := o.Spec.Strategy.RollingUpdate; update != nil && o.Spec.Replicas != nil {
					out.maybe(share(update.MaxSurge, *o.Spec.Replicas, math.Ceil))
				}
			}},
		number("kube_deployment_status_observed_generation", "The generation observed by the deployment controller.",
			func(o *deployment) float64 { return o.Status.ObservedGeneration }),
		number("kube_deployment_status_replicas", "The number of replicas per deployment.",
			func(o *deployment) float64 { return o.Status.Replicas }),
		number("kube_deployment_status_replicas_ready", "The number of ready replicas per deployment.",
			func(o *deployment) float64 { return o.Status.ReadyReplicas }),
		number("kube_deployment_status_replicas_available", "The number of available replicas per deployment.",
			func(o *deployment) float64 { return o.Status.AvailableReplicas }),
		number("kube_deployment_status_replicas_unavailable", "The number of unavailable replicas per deployment.",
			func(o *deployment) float64 { return o.Status.UnavailableReplicas }),
		number("kube_deployment_status_replicas_updated", "The number of updated replicas per deployment.",
			func(o *deployment) float64 { return o.Status.UpdatedReplicas }),
		{"kube_deployment_status_condition", "The current status conditions of a deployment.",
			func(o *deployment, out *samples) {
				for _, each := range o.Status.Conditions {
					out.condition(each.Status, "status", "reason", each.Reason, "condition", each.Type)
				}
			}},
	})

// share is a number as it stands, or a percentage ("25%") of `all`, rounded as the controllers do.
func share(raw json.RawMessage, all float64, round func(float64) float64) *float64 {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		text = string(raw)
	}
	percent, isPercent := strings.CutSuffix(text, "%")
	value, err := strconv.ParseFloat(percent, 64)
	if err != nil {
		return nil
	}
	if isPercent {
		value = round(value * all / 100)
	}
	return &value
}

type replicaSet struct {
	object
	Spec struct {
		Replicas *float64 `json:"replicas"`
	} `json:"spec"`
	Status struct {
		ObservedGeneration   float64 `json:"observedGeneration"`
		Replicas             float64 `json:"replicas"`
		FullyLabeledReplicas float64 `json:"fullyLabeledReplicas"`
		ReadyReplicas        float64 `json:"readyReplicas"`
	} `json:"status"`
}

var replicaSets = kindOf("replicasets", "/apis/apps/v1/replicasets",
	func(o *replicaSet) []string { return o.labelled("replicaset") },
	[]family[replicaSet]{
		created[replicaSet]("kube_replicaset"),
		generation[replicaSet]("kube_replicaset"),
		owned[replicaSet]("kube_replicaset"),
		optional("kube_replicaset_spec_replicas", "Number of desired pods for a ReplicaSet.",
			func(o *replicaSet) *float64 { return o.Spec.Replicas }),
		number("kube_replicaset_status_observed_generation", "The generation observed by the ReplicaSet controller.",
			func(o *replicaSet) float64 { return o.Status.ObservedGeneration }),
		number("kube_replicaset_status_replicas", "The number of replicas per ReplicaSet.",
			func(o *replicaSet) float64 { return o.Status.Replicas }),
		number("kube_replicaset_status_fully_labeled_replicas", "The number of fully labeled replicas per ReplicaSet.",
			func(o *replicaSet) float64 { return o.Status.FullyLabeledReplicas }),
		number("kube_replicaset_status_ready_replicas", "The number of ready replicas per ReplicaSet.",
			func(o *replicaSet) float64 { return o.Status.ReadyReplicas }),
	})

type statefulSet struct {
	object
	Spec struct {
		Replicas *float64 `json:"replicas"`
	} `json:"spec"`
	Status struct {
		ObservedGeneration float64 `json:"observedGeneration"`
		Replicas           float64 `json:"replicas"`
		ReadyReplicas      float64 `json:"readyReplicas"`
		AvailableReplicas  float64 `json:"availableReplicas"`
		CurrentReplicas    float64 `json:"currentReplicas"`
		UpdatedReplicas    float64 `json:"updatedReplicas"`
		CurrentRevision    string  `json:"currentRevision"`
		UpdateRevision     string  `json:"updateRevision"`
	} `json:"status"`
}

var statefulSets = kindOf("statefulsets", "/apis/apps/v1/statefulsets",
	func(o *statefulSet) []string { return o.labelled("statefulset") },
	[]family[statefulSet]{
		created[statefulSet]("kube_statefulset"),
		generation[statefulSet]("kube_statefulset"),
		optional("kube_statefulset_replicas", "Number of desired pods for a StatefulSet.",
			func(o *statefulSet) *float64 { return o.Spec.Replicas }),
		number("kube_statefulset_status_observed_generation", "The generation observed by the StatefulSet controller.",
			func(o *statefulSet) float64 { return o.Status.ObservedGeneration }),
		number("kube_statefulset_status_replicas", "The number of replicas per StatefulSet.",
			func(o *statefulSet) float64 { return o.Status.Replicas }),
		number("kube_statefulset_status_replicas_ready", "The number of ready replicas per StatefulSet.",
			func(o *statefulSet) float64 { return o.Status.ReadyReplicas }),
		number("kube_statefulset_status_replicas_available", "The number of available replicas per StatefulSet.",
			func(o *statefulSet) float64 { return o.Status.AvailableReplicas }),
		number("kube_statefulset_status_replicas_current", "The number of current replicas per StatefulSet.",
			func(o *statefulSet) float64 { return o.Status.CurrentReplicas }),
		number("kube_statefulset_status_replicas_updated", "The number of updated replicas per StatefulSet.",
			func(o *statefulSet) float64 { return o.Status.UpdatedReplicas }),
		{"kube_statefulset_status_current_revision", "The revision of the pods from ordinal 0 on.",
			func(o *statefulSet, out *samples) { out.add(1, "revision", o.Status.CurrentRevision) }},
		{"kube_statefulset_status_update_revision", "The revision of the pods down from the last ordinal.",
			func(o *statefulSet, out *samples) { out.add(1, "revision", o.Status.UpdateRevision) }},
	})

type daemonSet struct {
	object
	Status struct {
		ObservedGeneration     float64 `json:"observedGeneration"`
		CurrentNumberScheduled float64 `json:"currentNumberScheduled"`
		DesiredNumberScheduled float64 `json:"desiredNumberScheduled"`
		NumberAvailable        float64 `json:"numberAvailable"`
		NumberMisscheduled     float64 `json:"numberMisscheduled"`
		NumberReady            float64 `json:"numberReady"`
		NumberUnavailable      float64 `json:"numberUnavailable"`
		UpdatedNumberScheduled float64 `json:"updatedNumberScheduled"`
	} `json:"status"`
}

var daemonSets = kindOf("daemonsets", "/apis/apps/v1/daemonsets",
	func(o *daemonSet) []string { return o.labelled("daemonset") },
	[]family[daemonSet]{
		created[daemonSet]("kube_daemonset"),
		generation[daemonSet]("kube_daemonset"),
		number("kube_daemonset_status_observed_generation", "The generation observed by the daemon set controller.",
			func(o *daemonSet) float64 { return o.Status.ObservedGeneration }),
		number("kube_daemonset_status_current_number_scheduled", "Nodes that run a daemon pod and are to.",
			func(o *daemonSet) float64 { return o.Status.CurrentNumberScheduled }),
		number("kube_daemonset_status_desired_number_scheduled", "Nodes that are to run the daemon pod.",
			func(o *daemonSet) float64 { return o.Status.DesiredNumberScheduled }),
		number("kube_daemonset_status_number_available", "Nodes whose daemon pod is available.",
			func(o *daemonSet) float64 { return o.Status.NumberAvailable }),
		number("kube_daemonset_status_number_misscheduled", "Nodes that run a daemon pod and are not to.",
			func(o *daemonSet) float64 { return o.Status.NumberMisscheduled }),
		number("kube_daemonset_status_number_ready", "Nodes whose daemon pod is ready.",
			func(o *daemonSet) float64 { return o.Status.NumberReady }),
		number("kube_daemonset_status_number_unavailable", "Nodes that are to have an available daemon pod and have none.",
			func(o *daemonSet) float64 { return o.Status.NumberUnavailable }),
		number("kube_daemonset_status_updated_number_scheduled", "Nodes that run the newest daemon pod.",
			func(o *daemonSet) float64 { return o.Status.UpdatedNumberScheduled }),
	})

package main

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

type pod struct {
	object
	Spec struct {
		NodeName          string      `json:"nodeName"`
		HostNetwork       bool        `json:"hostNetwork"`
		PriorityClassName string      `json:"priorityClassName"`
		RestartPolicy     string      `json:"restartPolicy"`
		Containers        []container `json:"containers"`
		InitContainers    []container `json:"initContainers"`
		Volumes           []struct {
			Name                  string `json:"name"`
			PersistentVolumeClaim *struct {
				ClaimName string `json:"claimName"`
			} `json:"persistentVolumeClaim"`
		} `json:"volumes"`
	} `json:"spec"`
	Status struct {
		Phase                 string            `json:"phase"`
		Reason                string            `json:"reason"`
		HostIP                string            `json:"hostIP"`
		PodIP                 string            `json:"podIP"`
		QOSClass              string            `json:"qosClass"`
		StartTime             *time.Time        `json:"startTime"`
		Conditions            []condition       `json:"conditions"`
		ContainerStatuses     []containerStatus `json:"containerStatuses"`
		InitContainerStatuses []containerStatus `json:"initContainerStatuses"`
	} `json:"status"`
}

type container struct {
	Name      string `json:"name"`
	Image     string `json:"image"`
	Resources struct {
		Requests map[string]string `json:"requests"`
		Limits   map[string]string `json:"limits"`
	} `json:"resources"`
	RestartPolicy string `json:"restartPolicy"`
}

type containerStatus struct {
	Name         string  `json:"name"`
	Image        string  `json:"image"`
	ImageID      string  `json:"imageID"`
	ContainerID  string  `json:"containerID"`
	Ready        bool    `json:"ready"`
	RestartCount float64 `json:"restartCount"`
	State        state   `json:"state"`
	LastState    state   `json:"lastState"`
}

type state struct {
	Waiting *struct {
		Reason string `json:"reason"`
	} `json:"waiting"`
	Running *struct {
		StartedAt *time.Time `json:"startedAt"`
	} `json:"running"`
	Terminated *struct {
		Reason     string     `json:"reason"`
		ExitCode   float64    `json:"exitCode"`
		StartedAt  *time.Time `json:"startedAt"`
		FinishedAt *time.Time `json:"finishedAt"`
	} `json:"terminated"`
}

var pods = kindOf("pods", "/api/v1/pods", func(o *pod) []string {
	return []string{"namespace", o.Metadata.Namespace, "pod", o.Metadata.Name, "uid", o.Metadata.UID}
}, slices.Concat(ofPods,
	ofContainers("kube_pod_container", "a container",
		func(o *pod) ([]container, []containerStatus) { return o.Spec.Containers, o.Status.ContainerStatuses }),
	onlyOfContainers,
	ofContainers("kube_pod_init_container", "an init container",
		func(o *pod) ([]container, []containerStatus) {
			return o.Spec.InitContainers, o.Status.InitContainerStatuses
		})))

var ofPods = []family[pod]{
	{"kube_pod_info", "Information about pod.", func(o *pod, out *samples) {
		var by owner
		for _, each := range o.Metadata.OwnerReferences {
			if each.Controller != nil && *each.Controller {
				by = each
			}
		}
		out.add(1,
			"host_ip", o.Status.HostIP, "pod_ip", o.Status.PodIP, "node", o.Spec.NodeName,
			"created_by_kind", by.Kind, "created_by_name", by.Name,
			"priority_class", o.Spec.PriorityClassName, "host_network", strconv.FormatBool(o.Spec.HostNetwork))
	}},
	created[pod]("kube_pod"),
	going[pod]("kube_pod"),
	owned[pod]("kube_pod"),
	{"kube_pod_start_time", "Start time in unix timestamp for a pod.",
		func(o *pod, out *samples) { out.at(o.Status.StartTime) }},
	{"kube_pod_completion_time", "Completion time in unix timestamp for a pod.", completion},
	{"kube_pod_restart_policy", "Describes the restart policy in use by this pod.",
		func(o *pod, out *samples) { out.add(1, "type", o.Spec.RestartPolicy) }},
	{"kube_pod_spec_volumes_persistentvolumeclaims_info", "Information about persistentvolumeclaim volumes in a pod.",
		func(o *pod, out *samples) {
			for _, each := range o.Spec.Volumes {
				if claim := each.PersistentVolumeClaim; claim != nil {
					out.add(1, "volume", each.Name, "persistentvolumeclaim", claim.ClaimName)
				}
			}
		}},
	{"kube_pod_status_phase", "The pods current phase.", func(o *pod, out *samples) {
		out.oneOf("phase", o.Status.Phase, "Pending", "Succeeded", "Failed", "Unknown", "Running")
	}},
	{"kube_pod_status_ready", "Describes whether the pod is ready to serve requests.", podCondition("Ready")},
	{"kube_pod_status_scheduled", "Describes the status of the scheduling process for the pod.",
		podCondition("PodScheduled")},
	{"kube_pod_status_unschedulable", "Describes the unschedulable status for the pod.", func(o *pod, out *samples) {
		for _, each := range o.Status.Conditions {
			if each.Type == "PodScheduled" && each.Status == "False" {
				out.add(1)
			}
		}
	}},
	// Upstream writes a 0 for each reason that does not hold: five series of every pod that say nothing.
	{"kube_pod_status_reason", "The pod status reason.", func(o *pod, out *samples) {
		switch o.Status.Reason {
		case "Evicted", "NodeAffinity", "NodeLost", "Shutdown", "UnexpectedAdmissionError":
			out.add(1, "reason", o.Status.Reason)
		}
	}},
	{"kube_pod_status_qos_class", "The pods current qosClass.", func(o *pod, out *samples) {
		out.oneOf("qos_class", o.Status.QOSClass, "BestEffort", "Burstable", "Guaranteed")
	}},
}

// podCondition writes a condition's state once it is there.
func podCondition(kind string) func(*pod, *samples) {
	return func(o *pod, out *samples) {
		for _, each := range o.Status.Conditions {
			if each.Type == kind {
				out.condition(each.Status, "condition")
			}
		}
	}
}

// completion is when the last container ended, where all have.
func completion(o *pod, out *samples) {
	if o.Status.Phase != "Succeeded" && o.Status.Phase != "Failed" {
		return
	}
	var last *time.Time
	for _, each := range o.Status.ContainerStatuses {
		if ended := each.State.Terminated; ended != nil && ended.FinishedAt != nil {
			if last == nil || ended.FinishedAt.After(*last) {
				last = ended.FinishedAt
			}
		}
	}
	out.at(last)
}

// ofContainers is the families of a pod's containers, which init containers have as well.
func ofContainers(prefix, word string, of func(*pod) ([]container, []containerStatus)) []family[pod] {
	state := func(name, help string, give func(*containerStatus, *samples)) family[pod] {
		return family[pod]{prefix + name, help, func(o *pod, out *samples) {
			_, statuses := of(o)
			for i := range statuses {
				give(&statuses[i], out)
			}
		}}
	}
	is := func(name, help string, holds func(*containerStatus) bool) family[pod] {
		return state(name, help, func(s *containerStatus, out *samples) {
			out.add(truth(holds(s)), "container", s.Name)
		})
	}
	amounts := func(name, help string, which func(*container) map[string]string) family[pod] {
		return family[pod]{prefix + name, help, func(o *pod, out *samples) {
			containers, _ := of(o)
			for i := range containers {
				out.amounts(which(&containers[i]), "container", containers[i].Name, "node", o.Spec.NodeName)
			}
		}}
	}
	return []family[pod]{
		{prefix + "_info", "Information about " + word + " in a pod.", func(o *pod, out *samples) {
			containers, statuses := of(o)
			specs := make(map[string]container, len(containers))
			for _, each := range containers {
				specs[each.Name] = each
			}
			for _, s := range statuses {
				labels := []string{"container", s.Name, "image_spec", specs[s.Name].Image, "image", s.Image,
					"image_id", s.ImageID, "container_id", s.ContainerID}
				if strings.HasSuffix(prefix, "init_container") {
					labels = append(labels, "restart_policy", specs[s.Name].RestartPolicy)
				}
				out.add(1, labels...)
			}
		}},
		amounts("_resource_requests", "The number of requested request resource by "+word+".",
			func(c *container) map[string]string { return c.Resources.Requests }),
		amounts("_resource_limits", "The number of requested limit resource by "+word+".",
			func(c *container) map[string]string { return c.Resources.Limits }),
		is("_status_ready", "Describes whether "+word+"'s readiness check succeeded.",
			func(s *containerStatus) bool { return s.Ready }),
		state("_status_restarts_total", "The number of restarts of "+word+".", func(s *containerStatus, out *samples) {
			out.add(s.RestartCount, "container", s.Name)
		}),
		is("_status_running", "Describes whether "+word+" is currently in running state.",
			func(s *containerStatus) bool { return s.State.Running != nil }),
		is("_status_terminated", "Describes whether "+word+" is currently in terminated state.",
			func(s *containerStatus) bool { return s.State.Terminated != nil }),
		state("_status_terminated_reason", "The reason "+word+" is currently in terminated state.",
			func(s *containerStatus, out *samples) {
				if t := s.State.Terminated; t != nil {
					out.add(1, "container", s.Name, "reason", t.Reason)
				}
			}),
		state("_status_last_terminated_reason", "The last reason "+word+" was in terminated state.",
			func(s *containerStatus, out *samples) {
				if t := s.LastState.Terminated; t != nil {
					out.add(1, "container", s.Name, "reason", t.Reason)
				}
			}),
		is("_status_waiting", "Describes whether "+word+" is currently in waiting state.",
			func(s *containerStatus) bool { return s.State.Waiting != nil }),
		state("_status_waiting_reason", "The reason "+word+" is currently in waiting state.",
			func(s *containerStatus, out *samples) {
				if w := s.State.Waiting; w != nil {
					out.add(1, "container", s.Name, "reason", w.Reason)
				}
			}),
	}
}

// onlyOfContainers is the families that containers have and init containers have not.
var onlyOfContainers = []family[pod]{
	{"kube_pod_container_state_started", "Start time in unix timestamp for a pod container.",
		func(o *pod, out *samples) {
			for _, s := range o.Status.ContainerStatuses {
				if r := s.State.Running; r != nil {
					out.at(r.StartedAt, "container", s.Name)
				} else if t := s.State.Terminated; t != nil {
					out.at(t.StartedAt, "container", s.Name)
				}
			}
		}},
	{"kube_pod_container_status_last_terminated_exitcode", "The exit code of the container's last end.",
		func(o *pod, out *samples) {
			for _, s := range o.Status.ContainerStatuses {
				if t := s.LastState.Terminated; t != nil {
					out.add(t.ExitCode, "container", s.Name)
				}
			}
		}},
}

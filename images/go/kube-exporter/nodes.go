package main

import "strings"

type namespace struct {
	object
	Status struct {
		Phase      string      `json:"phase"`
		Conditions []condition `json:"conditions"`
	} `json:"status"`
}

var namespaces = kindOf("namespaces", "/api/v1/namespaces",
	func(o *namespace) []string { return []string{"namespace", o.Metadata.Name} },
	[]family[namespace]{
		created[namespace]("kube_namespace"),
		{"kube_namespace_status_phase", "The namespace's phase.", func(o *namespace, out *samples) {
			out.oneOf("phase", o.Status.Phase, "Active", "Terminating")
		}},
		{"kube_namespace_status_condition", "The namespace's conditions.", func(o *namespace, out *samples) {
			for _, each := range o.Status.Conditions {
				out.condition(each.Status, "status", "condition", each.Type)
			}
		}},
	})

type node struct {
	object
	Spec struct {
		PodCIDR       string `json:"podCIDR"`
		ProviderID    string `json:"providerID"`
		Unschedulable bool   `json:"unschedulable"`
		Taints        []struct {
			Key    string `json:"key"`
			Value  string `json:"value"`
			Effect string `json:"effect"`
		} `json:"taints"`
	} `json:"spec"`
	Status struct {
		Capacity    map[string]string `json:"capacity"`
		Allocatable map[string]string `json:"allocatable"`
		Conditions  []condition       `json:"conditions"`
		Addresses   []struct {
			Type    string `json:"type"`
			Address string `json:"address"`
		} `json:"addresses"`
		NodeInfo struct {
			KernelVersion           string `json:"kernelVersion"`
			OSImage                 string `json:"osImage"`
			ContainerRuntimeVersion string `json:"containerRuntimeVersion"`
			KubeletVersion          string `json:"kubeletVersion"`
			SystemUUID              string `json:"systemUUID"`
		} `json:"nodeInfo"`
	} `json:"status"`
}

const rolePrefix = "node-role.kubernetes.io/"

var nodes = kindOf("nodes", "/api/v1/nodes",
	func(o *node) []string { return []string{"node", o.Metadata.Name} },
	[]family[node]{
		created[node]("kube_node"),
		going[node]("kube_node"),
		{"kube_node_info", "Information about a cluster node.", func(o *node, out *samples) {
			info, internal := o.Status.NodeInfo, ""
			for _, each := range o.Status.Addresses {
				if each.Type == "InternalIP" && internal == "" {
					internal = each.Address
				}
			}
			out.add(1,
				"kernel_version", info.KernelVersion, "os_image", info.OSImage,
				"container_runtime_version", info.ContainerRuntimeVersion,
				"kubelet_version", info.KubeletVersion, "kubeproxy_version", "deprecated",
				"provider_id", o.Spec.ProviderID, "pod_cidr", o.Spec.PodCIDR, "system_uuid", info.SystemUUID,
				"internal_ip", internal)
		}},
		{"kube_node_role", "The role of a cluster node.", func(o *node, out *samples) {
			for _, label := range sorted(o.Metadata.Labels) {
				if role, found := strings.CutPrefix(label, rolePrefix); found {
					out.add(1, "role", role)
				}
			}
		}},
		number("kube_node_spec_unschedulable", "Whether a node can schedule new pods.",
			func(o *node) float64 { return truth(o.Spec.Unschedulable) }),
		{"kube_node_spec_taint", "The taint of a cluster node.", func(o *node, out *samples) {
			for _, each := range o.Spec.Taints {
				out.add(1, "key", each.Key, "value", each.Value, "effect", each.Effect)
			}
		}},
		{"kube_node_status_addresses", "Node address information.", func(o *node, out *samples) {
			for _, each := range o.Status.Addresses {
				out.add(1, "type", each.Type, "address", each.Address)
			}
		}},
		{"kube_node_status_capacity", "The total amount of resources available for a node.",
			func(o *node, out *samples) { out.amounts(o.Status.Capacity) }},
		{"kube_node_status_allocatable", "The amount of resources that are available for scheduling.",
			func(o *node, out *samples) { out.amounts(o.Status.Allocatable) }},
		{"kube_node_status_condition", "The condition of a cluster node.", func(o *node, out *samples) {
			for _, each := range o.Status.Conditions {
				out.condition(each.Status, "status", "condition", each.Type)
			}
		}},
	})

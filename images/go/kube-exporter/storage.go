package main

type claim struct {
	object
	Spec struct {
		StorageClassName string   `json:"storageClassName"`
		VolumeName       string   `json:"volumeName"`
		VolumeMode       string   `json:"volumeMode"`
		AccessModes      []string `json:"accessModes"`
		Resources        struct {
			Requests map[string]string `json:"requests"`
		} `json:"resources"`
	} `json:"spec"`
	Status struct {
		Phase      string      `json:"phase"`
		Conditions []condition `json:"conditions"`
	} `json:"status"`
}

var claims = kindOf("persistentvolumeclaims", "/api/v1/persistentvolumeclaims",
	func(o *claim) []string { return o.labelled("persistentvolumeclaim") },
	[]family[claim]{
		{"kube_persistentvolumeclaim_info", "Information about persistent volume claim.", func(o *claim, out *samples) {
			out.add(1, "storageclass", o.Spec.StorageClassName, "volumename", o.Spec.VolumeName,
				"volumemode", o.Spec.VolumeMode)
		}},
		created[claim]("kube_persistentvolumeclaim"),
		going[claim]("kube_persistentvolumeclaim"),
		{"kube_persistentvolumeclaim_access_mode", "The access mode(s) specified by the claim.",
			func(o *claim, out *samples) {
				for _, mode := range o.Spec.AccessModes {
					out.add(1, "access_mode", mode)
				}
			}},
		{"kube_persistentvolumeclaim_resource_requests_storage_bytes", "The capacity of storage requested by the claim.",
			func(o *claim, out *samples) {
				if asked, ok := quantity(o.Spec.Resources.Requests["storage"]); ok {
					out.add(asked)
				}
			}},
		{"kube_persistentvolumeclaim_status_phase", "The phase the claim is currently in.",
			func(o *claim, out *samples) { out.oneOf("phase", o.Status.Phase, "Lost", "Bound", "Pending") }},
		{"kube_persistentvolumeclaim_status_condition", "Information about status of different conditions of the claim.",
			func(o *claim, out *samples) {
				for _, each := range o.Status.Conditions {
					out.condition(each.Status, "status", "condition", each.Type)
				}
			}},
	})

type volume struct {
	object
	Spec struct {
		StorageClassName string            `json:"storageClassName"`
		Capacity         map[string]string `json:"capacity"`
		ClaimRef         *struct {
			Namespace string `json:"namespace"`
			Name      string `json:"name"`
		} `json:"claimRef"`
	} `json:"spec"`
	Status struct {
		Phase string `json:"phase"`
	} `json:"status"`
}

var volumes = kindOf("persistentvolumes", "/api/v1/persistentvolumes",
	func(o *volume) []string { return []string{"persistentvolume", o.Metadata.Name} },
	[]family[volume]{
		created[volume]("kube_persistentvolume"),
		going[volume]("kube_persistentvolume"),
		{"kube_persistentvolume_capacity_bytes", "Size of the volume in bytes.", func(o *volume, out *samples) {
			if size, ok := quantity(o.Spec.Capacity["storage"]); ok {
				out.add(size)
			}
		}},
		{"kube_persistentvolume_claim_ref", "Information about the claim it is bound to.", func(o *volume, out *samples) {
			if to := o.Spec.ClaimRef; to != nil {
				out.add(1, "name", to.Name, "claim_namespace", to.Namespace)
			}
		}},
		{"kube_persistentvolume_status_phase", "Whether a volume is available, bound to a claim, or released by one.",
			func(o *volume, out *samples) {
				out.oneOf("phase", o.Status.Phase, "Pending", "Available", "Bound", "Released", "Failed")
			}},
	})

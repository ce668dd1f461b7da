package main

import (
	"strings"
	"time"
)

type job struct {
	object
	Spec struct {
		Parallelism           *float64 `json:"parallelism"`
		Completions           *float64 `json:"completions"`
		ActiveDeadlineSeconds *float64 `json:"activeDeadlineSeconds"`
	} `json:"spec"`
	Status struct {
		Active         float64     `json:"active"`
		Succeeded      float64     `json:"succeeded"`
		Failed         float64     `json:"failed"`
		StartTime      *time.Time  `json:"startTime"`
		CompletionTime *time.Time  `json:"completionTime"`
		Conditions     []condition `json:"conditions"`
	} `json:"status"`
}

// Upstream's reasons for which a job fails.
var failures = []string{"BackoffLimitExceeded", "DeadlineExceeded", "Evicted"}

// ended writes a job's condition, which upstream leaves out while the job has none.
func ended(kind string) func(*job, *samples) {
	return func(o *job, out *samples) {
		for _, each := range o.Status.Conditions {
			if each.Type == kind {
				out.condition(each.Status, "condition")
			}
		}
	}
}

var jobs = kindOf("jobs", "/apis/batch/v1/jobs",
	func(o *job) []string { return o.labelled("job_name") },
	[]family[job]{
		{"kube_job_info", "Information about job.", func(_ *job, out *samples) { out.add(1) }},
		created[job]("kube_job"),
		owned[job]("kube_job"),
		optional("kube_job_spec_parallelism", "The maximum desired number of pods the job should run at any given time.",
			func(o *job) *float64 { return o.Spec.Parallelism }),
		optional("kube_job_spec_completions", "The desired number of successfully finished pods.",
			func(o *job) *float64 { return o.Spec.Completions }),
		optional("kube_job_spec_active_deadline_seconds", "How long the job may be active.",
			func(o *job) *float64 { return o.Spec.ActiveDeadlineSeconds }),
		number("kube_job_status_active", "The number of actively running pods.",
			func(o *job) float64 { return o.Status.Active }),
		number("kube_job_status_succeeded", "The number of pods which reached phase Succeeded.",
			func(o *job) float64 { return o.Status.Succeeded }),
		{"kube_job_status_failed", "The number of pods which reached phase Failed and the reason for failure.", failed},
		{"kube_job_status_start_time", "When the job was acknowledged by its controller.",
			func(o *job, out *samples) { out.at(o.Status.StartTime) }},
		{"kube_job_status_completion_time", "When the job was completed.",
			func(o *job, out *samples) { out.at(o.Status.CompletionTime) }},
		{"kube_job_complete", "The job has completed its execution.", ended("Complete")},
		{"kube_job_failed", "The job has failed its execution.", ended("Failed")},
	})

// failed writes how many pods failed: without a reason while the job may still succeed, or for one that is none of
// `failures`.
func failed(o *job, out *samples) {
	if o.Status.Failed == 0 {
		out.add(0)
		return
	}
	known := false
	for _, each := range o.Status.Conditions {
		if each.Type != "Failed" || each.Status != "True" {
			continue
		}
		for _, reason := range failures {
			holds := strings.EqualFold(reason, each.Reason)
			known = known || holds
			out.add(truth(holds), "reason", reason)
		}
	}
	if !known {
		out.add(o.Status.Failed, "reason", "")
	}
}

type cronJob struct {
	object
	Spec struct {
		Schedule          string `json:"schedule"`
		TimeZone          string `json:"timeZone"`
		ConcurrencyPolicy string `json:"concurrencyPolicy"`
		Suspend           bool   `json:"suspend"`
	} `json:"spec"`
	Status struct {
		Active             []struct{} `json:"active"`
		LastScheduleTime   *time.Time `json:"lastScheduleTime"`
		LastSuccessfulTime *time.Time `json:"lastSuccessfulTime"`
	} `json:"status"`
}

var cronJobs = kindOf("cronjobs", "/apis/batch/v1/cronjobs",
	func(o *cronJob) []string { return o.labelled("cronjob") },
	[]family[cronJob]{
		{"kube_cronjob_info", "Info about cronjob.", func(o *cronJob, out *samples) {
			zone := o.Spec.TimeZone
			if zone == "" {
				zone = "local"
			}
			out.add(1, "schedule", o.Spec.Schedule, "concurrency_policy", o.Spec.ConcurrencyPolicy, "timezone", zone)
		}},
		created[cronJob]("kube_cronjob"),
		number("kube_cronjob_spec_suspend", "Whether executions are suspended.",
			func(o *cronJob) float64 { return truth(o.Spec.Suspend) }),
		number("kube_cronjob_status_active", "Jobs of it that run.",
			func(o *cronJob) float64 { return float64(len(o.Status.Active)) }),
		{"kube_cronjob_status_last_schedule_time", "When a job was last scheduled.",
			func(o *cronJob, out *samples) { out.at(o.Status.LastScheduleTime) }},
		{"kube_cronjob_status_last_successful_time", "When a job last completed successfully.",
			func(o *cronJob, out *samples) { out.at(o.Status.LastSuccessfulTime) }},
	})

type autoscaler struct {
	object
	Spec struct {
		MinReplicas    *float64 `json:"minReplicas"`
		MaxReplicas    float64  `json:"maxReplicas"`
		ScaleTargetRef struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
			Name       string `json:"name"`
		} `json:"scaleTargetRef"`
	} `json:"spec"`
	Status struct {
		CurrentReplicas float64     `json:"currentReplicas"`
		DesiredReplicas float64     `json:"desiredReplicas"`
		Conditions      []condition `json:"conditions"`
	} `json:"status"`
}

var autoscalers = kindOf("horizontalpodautoscalers", "/apis/autoscaling/v2/horizontalpodautoscalers",
	func(o *autoscaler) []string { return o.labelled("horizontalpodautoscaler") },
	[]family[autoscaler]{
		{"kube_horizontalpodautoscaler_info", "Information about this autoscaler.", func(o *autoscaler, out *samples) {
			target := o.Spec.ScaleTargetRef
			out.add(1, "scaletargetref_api_version", target.APIVersion, "scaletargetref_kind", target.Kind,
				"scaletargetref_name", target.Name)
		}},
		created[autoscaler]("kube_horizontalpodautoscaler"),
		generation[autoscaler]("kube_horizontalpodautoscaler"),
		number("kube_horizontalpodautoscaler_spec_max_replicas", "Upper limit for the number of pods.",
			func(o *autoscaler) float64 { return o.Spec.MaxReplicas }),
		optional("kube_horizontalpodautoscaler_spec_min_replicas", "Lower limit for the number of pods.",
			func(o *autoscaler) *float64 { return o.Spec.MinReplicas }),
		number("kube_horizontalpodautoscaler_status_current_replicas", "Current number of replicas of pods managed by it.",
			func(o *autoscaler) float64 { return o.Status.CurrentReplicas }),
		number("kube_horizontalpodautoscaler_status_desired_replicas", "Desired number of replicas of pods managed by it.",
			func(o *autoscaler) float64 { return o.Status.DesiredReplicas }),
		{"kube_horizontalpodautoscaler_status_condition", "The condition of this autoscaler.",
			func(o *autoscaler, out *samples) {
				for _, each := range o.Status.Conditions {
					out.condition(each.Status, "status", "condition", each.Type)
				}
			}},
	})

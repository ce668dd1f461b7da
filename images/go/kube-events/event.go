package main

import (
	"cmp"
	"strings"
	"time"
)

// longest is how much of a message is written, in bytes: a container's log is cut into lines of 16 KiB.
const longest = 8 << 10

// event is what is read of one, of events.k8s.io/v1. Those of the API before it have the `deprecated` fields.
type event struct {
	Metadata struct {
		UID               string    `json:"uid"`
		ResourceVersion   string    `json:"resourceVersion"`
		Namespace         string    `json:"namespace"`
		CreationTimestamp time.Time `json:"creationTimestamp"`
	} `json:"metadata"`
	EventTime *time.Time `json:"eventTime"`
	Series    *struct {
		Count            int       `json:"count"`
		LastObservedTime time.Time `json:"lastObservedTime"`
	} `json:"series"`
	Type                string `json:"type"`
	Reason              string `json:"reason"`
	Note                string `json:"note"`
	ReportingController string `json:"reportingController"`
	Regarding           struct {
		Kind      string `json:"kind"`
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"regarding"`
	DeprecatedSource struct {
		Component string `json:"component"`
		Host      string `json:"host"`
	} `json:"deprecatedSource"`
	DeprecatedLastTimestamp *time.Time `json:"deprecatedLastTimestamp"`
	DeprecatedCount         int        `json:"deprecatedCount"`
}

// line is what is written of an event.
type line struct {
	Time       time.Time `json:"time"` // when it last happened
	Type       string    `json:"type"`
	Reason     string    `json:"reason"`
	Message    string    `json:"message"`
	Namespace  string    `json:"namespace"` // of what it is about; empty for what is in none
	Kind       string    `json:"kind"`
	Name       string    `json:"name"`
	Count      int       `json:"count"` // how often it happened, until now
	Controller string    `json:"controller"`
	Node       string    `json:"node"` // where who tells it runs, as far as it says so
	UID        string    `json:"uid"`
	Version    string    `json:"version"`
}

func (e event) line() line {
	said := line{
		Time: e.Metadata.CreationTimestamp, Count: max(e.DeprecatedCount, 1),
		Type: e.Type, Reason: e.Reason, Message: shortened(e.Note),
		Namespace: e.Regarding.Namespace, Kind: e.Regarding.Kind, Name: e.Regarding.Name,
		Controller: cmp.Or(e.ReportingController, e.DeprecatedSource.Component), Node: e.DeprecatedSource.Host,
		UID: e.Metadata.UID, Version: e.Metadata.ResourceVersion,
	}
	switch {
	case e.Series != nil:
		said.Time, said.Count = e.Series.LastObservedTime, e.Series.Count
	case e.DeprecatedLastTimestamp != nil:
		said.Time = *e.DeprecatedLastTimestamp
	case e.EventTime != nil:
		said.Time = *e.EventTime
	}
	return said
}

func shortened(text string) string {
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest], "") + "…"
}

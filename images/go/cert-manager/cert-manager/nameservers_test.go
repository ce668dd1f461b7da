package main

import (
	"slices"
	"testing"
)

func TestNameServersAreHostAndPort(t *testing.T) {
	for text, fine := range map[string]bool{
		"192.0.2.1:53": true, "[2001:db8::1]:53": true, "ns.example.org:5353": true, "https://dns.example.org/dns-query": true,
		"192.0.2.1": false, "2001:db8::1": false, ":53": false, "192.0.2.1:dns": false, "192.0.2.1:70000": false,
		"": false, "192.0.2.1:53,": false, "https://": false,
	} {
		var servers nameServers
		if err := servers.Set(text); (err == nil) != fine {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestThoseOfTheMachineAreAskedWhereNoneIsNamed(t *testing.T) {
	var servers nameServers
	machines := []string{"192.0.2.53:53"}
	if asked := servers.or(machines); !slices.Equal(asked, machines) {
		t.Error(asked)
	}
	if err := servers.Set("192.0.2.1:53,192.0.2.2:53"); err != nil {
		t.Fatal(err)
	}
	if asked := servers.or(machines); !slices.Equal(asked, []string{"192.0.2.1:53", "192.0.2.2:53"}) {
		t.Error(asked)
	}
}

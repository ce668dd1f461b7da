package main

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// nameServers are recursive ones, each HOST:PORT, or an https URL for DNS over HTTPS.
type nameServers []string

func (s nameServers) String() string { return strings.Join(s, ",") }

// Set takes the servers of one option, divided by commas.
func (s *nameServers) Set(text string) error {
	for server := range strings.SplitSeq(text, ",") {
		if err := checked(server); err != nil {
			return fmt.Errorf("name server %q: %w", server, err)
		}
		*s = append(*s, server)
	}
	return nil
}

// or gives the default's where none was named.
func (s nameServers) or(otherwise []string) []string {
	if len(s) == 0 {
		return otherwise
	}
	return s
}

func checked(server string) error {
	if strings.HasPrefix(server, "https://") {
		at, err := url.Parse(server)
		if err == nil && at.Host == "" {
			err = fmt.Errorf("no host")
		}
		return err
	}
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		return err
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil || host == "" {
		return fmt.Errorf("not HOST:PORT")
	}
	return nil
}

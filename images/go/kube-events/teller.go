package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// teller writes events, and knows up to which version all are written.
type teller struct {
	to    *json.Encoder
	state string // file; empty: none
	told  string // version; empty: nothing is
}

// newTeller gives one that goes on where the one before ended, as the file says. A file that holds no version is none.
func newTeller(to io.Writer, state string) (*teller, error) {
	made := &teller{to: json.NewEncoder(to), state: state}
	made.to.SetEscapeHTML(false)
	if state == "" {
		return made, nil
	}
	text, err := os.ReadFile(state)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if version := strings.TrimSpace(string(text)); isVersion(version) {
		made.told = version
	}
	return made, nil
}

// tell writes an event, unless it is written.
func (t *teller) tell(event event) error {
	if version := event.Metadata.ResourceVersion; t.told != "" && !after(version, t.told) {
		return nil
	}
	if err := t.to.Encode(event.line()); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}

// reached notes that all is written up to a version. No fsync: the file is to outlive the process, not the machine.
func (t *teller) reached(version string) error {
	if !isVersion(version) {
		return fmt.Errorf("%q is no version of the server's", version)
	}
	t.told = version
	if t.state == "" {
		return nil
	}
	if err := os.WriteFile(t.state+".new", []byte(version+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(t.state+".new", t.state)
}

func isVersion(text string) bool {
	return text != "" && text[0] != '0' && strings.Trim(text, "0123456789") == ""
}

// after says whether one version is later than another: decimal numbers of any length, which Kubernetes lets clients
// compare from 1.35 on.
func after(one, other string) bool {
	if len(one) != len(other) {
		return len(one) > len(other)
	}
	return one > other
}

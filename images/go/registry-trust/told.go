package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// told is what containerd of this node is told, below its certs.d: a folder for the host, with hosts.toml and ca.crt.
// The first line of hosts.toml says whose it is. What is anybody else's is never written, and never removed.
type told struct {
	folder string // where the node's certs.d is
	owner  string // NAMESPACE/NAME of the registry's Service
}

const onNode = "/etc/containerd/certs.d" // as containerd sees it

func (t told) mark() string { return "# of the registry " + t.owner + " in this cluster\n" }

// write tells of one host, and of no other any more.
func (t told) write(host, authority string) error {
	if host == "" || strings.ContainsAny(host, "/\"\\\n") || strings.HasPrefix(host, ".") || strings.HasPrefix(host, "_") {
		return fmt.Errorf("%q is no host of a registry", host)
	}
	pem, err := os.ReadFile(authority)
	if err != nil {
		return err
	}
	folder := filepath.Join(t.folder, host)
	if mine, err := t.isMine(folder); err != nil || !mine {
		return errors.Join(err, fmt.Errorf("%s/%s is of another registry: it is left as it is", onNode, host))
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	ca := fmt.Sprintf("ca = %q\n", filepath.Join(onNode, host, "ca.crt"))
	url := fmt.Sprintf("%q", "https://"+host)
	hosts := t.mark() + "server = " + url + "\n" + ca + "\n[host." + url + "]\ncapabilities = [\"pull\", \"resolve\"]\n" + ca
	// Whose it is comes first, so that a folder that was half made is found again.
	if err := replace(filepath.Join(folder, "hosts.toml"), []byte(hosts)); err != nil {
		return err
	}
	if err := replace(filepath.Join(folder, "ca.crt"), pem); err != nil {
		return err
	}
	return t.takeBack(host)
}

// takeBack removes what was written for any host but this one.
func (t told) takeBack(but string) error {
	listed, err := os.ReadDir(t.folder)
	if err != nil {
		return err
	}
	for _, each := range listed {
		folder := filepath.Join(t.folder, each.Name())
		if each.Name() == but || !each.IsDir() {
			continue
		}
		content, _ := os.ReadFile(filepath.Join(folder, "hosts.toml")) // without one it is nobody's we know
		if bytes.HasPrefix(content, []byte(t.mark())) {
			err = errors.Join(err, os.RemoveAll(folder))
		}
	}
	return err
}

// isMine is whether a folder is this registry's, or may become it: absent, or empty.
func (t told) isMine(folder string) (bool, error) {
	content, err := os.ReadFile(filepath.Join(folder, "hosts.toml"))
	if err == nil {
		return bytes.HasPrefix(content, []byte(t.mark())), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	listed, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return len(listed) == 0, err
}

// replace writes a file in one step, unless it holds that already: containerd reads it whenever a pod comes.
func replace(path string, content []byte) error {
	if there, err := os.ReadFile(path); err == nil && bytes.Equal(there, content) {
		return nil
	}
	next := path + ".new"
	if err := os.WriteFile(next, content, 0o644); err != nil {
		return err
	}
	return os.Rename(next, path)
}

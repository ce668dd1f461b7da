// navarch-render renders one Helm chart with Helm's own engine: a request as JSON on standard input, an answer as JSON
// on standard output. It is started once for each rendering and does nothing else.
//
// A chart and its values are other people's: before the request is read, the process gives up what rendering does not
// need. It can open no file and no socket (of its descriptors it keeps the three that it was given), has bounds on
// memory and CPU time, and writes no more than a bound. Whoever starts it bounds its time by the clock.
//
// Exit code 0: an answer, which may hold problems. Anything else: the text on standard error says why there is none.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"syscall"
)

const (
	mostInput   = 16 << 20  // bytes: a chart in base64, values, and what lookups found
	mostOutput  = 16 << 20  // bytes
	mostMemory  = 512 << 20 // bytes of heap; of address space, as the system counts it, mostSpace
	mostSpace   = 4 << 30
	mostSeconds = 20 // of CPU
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "navarch-render: %v\n", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // Helm's own remarks; what matters is in the answer
	if err := confine(); err != nil {
		return fmt.Errorf("the bounds of this process could not be set: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(in, mostInput+1))
	if err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	if len(text) > mostInput {
		return fmt.Errorf("the request is longer than %d MiB", mostInput>>20)
	}
	var asked request
	if err := json.Unmarshal(text, &asked); err != nil {
		return fmt.Errorf("the request is not what is expected: %w", err)
	}
	said, err := json.Marshal(render(asked))
	if err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	if len(said) > mostOutput {
		said, _ = json.Marshal(answer{Problems: []string{fmt.Sprintf("the chart renders more than %d MiB", mostOutput>>20)}})
	}
	_, err = out.Write(said)
	return err
}

// confine gives up what rendering does not need. Limits of the process and no sandbox of the kernel's: they need no
// privilege and hold in every container.
func confine() error {
	debug.SetMemoryLimit(mostMemory)
	for _, bound := range []struct {
		what int
		most uint64
	}{
		{syscall.RLIMIT_AS, mostSpace},
		{syscall.RLIMIT_CPU, mostSeconds},
		{syscall.RLIMIT_CORE, 0},
		{syscall.RLIMIT_FSIZE, 0}, // of files; a pipe is none
		{syscall.RLIMIT_NOFILE, 0},
	} {
		if err := syscall.Setrlimit(bound.what, &syscall.Rlimit{Cur: bound.most, Max: bound.most}); err != nil {
			return err
		}
	}
	return nil
}

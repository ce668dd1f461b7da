package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// entry is one line of the guest book.
type entry struct {
	Text string    `json:"text"`
	Pod  string    `json:"pod"`
	At   time.Time `json:"at"`
}

// book is a guest book in one file, an entry a line. An entry that add returned for is on the disk.
type book struct {
	path string
	lock sync.Mutex
}

// entries returns all entries, oldest first. A line cut off by a crash is left out.
func (b *book) entries() ([]entry, error) {
	b.lock.Lock()
	defer b.lock.Unlock()
	file, err := os.Open(b.path)
	if errors.Is(err, fs.ErrNotExist) {
		return []entry{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the guest book: %w", err)
	}
	defer file.Close()
	found := []entry{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 2*maxBody)
	for lines.Scan() {
		var one entry
		if json.Unmarshal(lines.Bytes(), &one) == nil {
			found = append(found, one)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the guest book: %w", err)
	}
	return found, nil
}

func (b *book) add(one entry) error {
	b.lock.Lock()
	defer b.lock.Unlock()
	line, err := json.Marshal(one)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(b.path), 0o755); err != nil {
		return fmt.Errorf("write the guest book: %w", err)
	}
	file, err := os.OpenFile(b.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("write the guest book: %w", err)
	}
	_, writeErr := file.Write(append(line, '\n'))
	if err := errors.Join(writeErr, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write the guest book: %w", err)
	}
	return nil
}

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
)

const _blob = "/docker/registry/v2/blobs/sha256/aa/aa00000000000000000000000000000000000000000000000000000000000000/data"

func answerTo(t *testing.T, store driver.StorageDriver, method, path string) int {
	t.Helper()
	taken := http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) { answer.WriteHeader(http.StatusCreated) })
	answer := httptest.NewRecorder()
	refusing(store, taken).ServeHTTP(answer, httptest.NewRequest(method, path, nil))
	return answer.Code
}

func TestManifestsAreRefusedWhileThereIsANotice(t *testing.T) {
	store := inmemory.New()
	manifest, upload := "/v2/shop/web/manifests/1", "/v2/shop/web/blobs/uploads/"
	if code := answerTo(t, store, "PUT", manifest); code != http.StatusCreated {
		t.Fatalf("without a notice: %d", code)
	}
	if err := leaveNotice(context.Background(), store); err != nil {
		t.Fatal(err)
	}
	for path, code := range map[string]int{manifest: http.StatusServiceUnavailable, upload: http.StatusCreated} {
		if answered := answerTo(t, store, "PUT", path); answered != code {
			t.Errorf("%s: %d", path, answered)
		}
	}
	if code := answerTo(t, store, "GET", manifest); code != http.StatusCreated {
		t.Errorf("a pull: %d", code)
	}
	if err := store.PutContent(context.Background(), _notice, []byte("1")); err != nil {
		t.Fatal(err)
	}
	if code := answerTo(t, store, "PUT", manifest); code != http.StatusCreated {
		t.Errorf("after its end: %d", code)
	}
	if err := store.PutContent(context.Background(), _notice, []byte("soon")); err != nil {
		t.Fatal(err)
	}
	if code := answerTo(t, store, "PUT", manifest); code != http.StatusServiceUnavailable {
		t.Errorf("nobody can say: %d", code)
	}
}

func TestACollectionRemovesWhatNothingNamesAndItsNotice(t *testing.T) {
	store := inmemory.New()
	ctx := context.Background()
	if err := store.PutContent(ctx, _blob, []byte("unused")); err != nil {
		t.Fatal(err)
	}
	// An empty registry has no repositories to go through; one that was used has.
	link := "/docker/registry/v2/repositories/shop/_layers/sha256/aa00000000000000000000000000000000000000000000000000000000000000/link"
	if err := store.PutContent(ctx, link, []byte("sha256:aa00000000000000000000000000000000000000000000000000000000000000")); err != nil {
		t.Fatal(err)
	}
	seen := make(chan bool, 1)
	go func() {
		time.Sleep(100 * time.Millisecond)
		until, err := noticeOf(ctx, store)
		seen <- err == nil && until.After(time.Now())
	}()
	if err := collect(ctx, store, 300*time.Millisecond, false); err != nil {
		t.Fatal(err)
	}
	if !<-seen {
		t.Error("there was no notice while it waited")
	}
	if _, err := store.GetContent(ctx, _blob); err == nil {
		t.Error("the blob is there")
	}
	if until, err := noticeOf(ctx, store); err != nil || !until.IsZero() {
		t.Errorf("the notice is there: %v, %v", until, err)
	}
}

package main

import (
	"strings"
	"testing"
)

func TestEachLineHasItsAnswer(t *testing.T) {
	var out strings.Builder
	if err := run(strings.NewReader("\"nginx\"\n\"ghcr.io/acme/app:v1\"\n\"a b\"\n"), &out); err != nil {
		t.Fatal(err)
	}
	want := `{"domain":"docker.io","path":"library/nginx"}
{"domain":"ghcr.io","path":"acme/app","tag":"v1"}
{"error":"invalid reference format"}
`
	if out.String() != want {
		t.Errorf("got %s", out.String())
	}
	if run(strings.NewReader("nginx"), &out) == nil {
		t.Error("a line that is no JSON string was read")
	}
}

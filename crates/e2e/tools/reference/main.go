// Command reference reads image references as Docker's and containerd's own parser does, github.com/distribution/reference.
//
//	reference <LINES >LINES
//
// Each line of standard input is a JSON string. Its line of standard output is an object: with `error`, or with `domain` and
// `path` and, where they are written, `tag` and `digest`.
package main

import (
	"bufio"
	_ "crypto/sha256" // go-digest knows the algorithms that are linked in, as into containerd
	_ "crypto/sha512"
	"encoding/json"
	"io"
	"log"
	"os"

	"github.com/distribution/reference"
)

type answer struct {
	Domain string `json:"domain,omitempty"`
	Path   string `json:"path,omitempty"`
	Tag    string `json:"tag,omitempty"`
	Digest string `json:"digest,omitempty"`
	Error  string `json:"error,omitempty"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(from io.Reader, to io.Writer) error {
	decoder, writer := json.NewDecoder(from), bufio.NewWriter(to)
	encoder := json.NewEncoder(writer)
	for {
		var text string
		switch err := decoder.Decode(&text); err {
		case nil:
		case io.EOF:
			return writer.Flush()
		default:
			return err
		}
		if err := encoder.Encode(parse(text)); err != nil {
			return err
		}
	}
}

func parse(text string) answer {
	named, err := reference.ParseNormalizedNamed(text)
	if err != nil {
		return answer{Error: err.Error()}
	}
	said := answer{Domain: reference.Domain(named), Path: reference.Path(named)}
	if tagged, ok := named.(reference.Tagged); ok {
		said.Tag = tagged.Tag()
	}
	if digested, ok := named.(reference.Digested); ok {
		said.Digest = digested.Digest().String()
	}
	return said
}

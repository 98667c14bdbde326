// sarif-schema FILE: holds a SARIF log against the schema of SARIF 2.1.0 (OASIS Standard, errata 01). It prints what is wrong and ends with 1.
//
// The schema stands in the source of go-sarif as a constant that the package keeps to itself. schema.go takes it from there when this program is built:
// prepare.sh writes it, and nothing of it is kept in our repository.
package main

import (
	"fmt"
	"os"
	"strings"

	// Keeps it among what go.mod pins.
	_ "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func main() {
	if len(os.Args) != 2 || strings.HasPrefix(os.Args[1], "-") {
		fmt.Fprintln(os.Stderr, "usage: sarif-schema FILE")
		os.Exit(2)
	}
	log, err := os.Open(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	defer log.Close()
	value, err := jsonschema.UnmarshalJSON(log)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	compiled, err := compile()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if err := compiled.Validate(value); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func compile() (*jsonschema.Schema, error) {
	const name = "sarif.json"
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		return nil, err
	}
	// The standard names formats (`uri`, `date-time`) to be held too.
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(name, value); err != nil {
		return nil, err
	}
	return compiler.Compile(name)
}

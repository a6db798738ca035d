// Command cty-codec reads and writes values with go-cty, the library that Terraform itself uses.
//
// Each line of standard input is a type constraint in JSON, a value of that type in MessagePack (in
// hexadecimal), and the same value in JSON or nothing, with tabs between them. Each line of standard output
// answers one: the value from MessagePack, written as MessagePack and, where it is wholly known, as JSON; and
// the value from JSON, where there was one, written as MessagePack. A value that go-cty cannot read or write
// is answered with "error" and the reason.
package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/json"
	"github.com/zclconf/go-cty/cty/msgpack"
)

func main() {
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 64<<20)
	output := bufio.NewWriter(os.Stdout)
	for input.Scan() {
		answer, err := answer(input.Text())
		if err != nil {
			answer = "error\t" + strings.ReplaceAll(err.Error(), "\n", " ")
		}
		fmt.Fprintln(output, answer)
	}
	if err := input.Err(); err != nil {
		fmt.Fprintln(os.Stderr, "could not read the next line:", err)
		os.Exit(1)
	}
	if err := output.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, "could not answer:", err)
		os.Exit(1)
	}
}

func answer(line string) (_ string, err error) {
	// go-cty panics on values that Terraform never makes; the test wants to know which.
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("go-cty panicked: %v", panicked)
		}
	}()

	parts := strings.Split(line, "\t")
	if len(parts) != 3 {
		return "", fmt.Errorf("a line has 3 parts, not %d", len(parts))
	}
	constraint, err := json.UnmarshalType([]byte(parts[0]))
	if err != nil {
		return "", fmt.Errorf("type constraint: %w", err)
	}
	given, err := hex.DecodeString(parts[1])
	if err != nil {
		return "", fmt.Errorf("hexadecimal: %w", err)
	}
	value, err := msgpack.Unmarshal(given, constraint)
	if err != nil {
		return "", fmt.Errorf("reading MessagePack: %w", err)
	}

	again, err := msgpack.Marshal(value, constraint)
	if err != nil {
		return "", fmt.Errorf("writing MessagePack: %w", err)
	}
	var stored []byte
	if value.IsWhollyKnown() {
		if stored, err = json.Marshal(value, constraint); err != nil {
			return "", fmt.Errorf("writing JSON: %w", err)
		}
	}
	var fromJSON []byte
	if parts[2] != "" {
		if fromJSON, err = fromStored(parts[2], constraint); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%x\t%s\t%x", again, stored, fromJSON), nil
}

func fromStored(stored string, constraint cty.Type) ([]byte, error) {
	value, err := json.Unmarshal([]byte(stored), constraint)
	if err != nil {
		return nil, fmt.Errorf("reading JSON: %w", err)
	}
	written, err := msgpack.Marshal(value, constraint)
	if err != nil {
		return nil, fmt.Errorf("writing MessagePack from JSON: %w", err)
	}
	return written, nil
}

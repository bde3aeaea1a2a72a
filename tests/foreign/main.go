// Verifies an audited stream of a server with tools that nobody here wrote: Tessera's fsck, which
// reads every tile and every entry, and x/mod/sumdb/note. Usage: foreign URL PUBLIC-KEY.
package main

import (
	"context"
	"fmt"
	"net/url"
	"os"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
)

func leaves(bundle []byte) ([][]byte, error) {
	entries := &api.EntryBundle{}
	if err := entries.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	hashes := make([][]byte, 0, len(entries.Entries))
	for _, entry := range entries.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return hashes, nil
}

func check(address, key string) error {
	log, err := url.Parse(address)
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return err
	}
	source, err := client.NewHTTPFetcher(log, nil)
	if err != nil {
		return err
	}
	checkpoint, err := source.ReadCheckpoint(context.Background())
	if err != nil {
		return err
	}
	if _, err := note.Open(checkpoint, note.VerifierList(verifier)); err != nil {
		return err
	}
	return fsck.New(verifier.Name(), verifier, source, leaves, fsck.Opts{N: 2}).Check(context.Background())
}

func main() {
	if err := check(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "REFUSED:", err)
		os.Exit(1)
	}
	fmt.Println("accepted")
}

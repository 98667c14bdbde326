// Makes the vulnerability database that the scan reports of testdata are written with, by Trivy's own library.
//
//	database ADVISORIES CACHE
//
// ADVISORIES is ../advisories.json; CACHE is what `trivy --cache-dir` names.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/aquasecurity/trivy-db/pkg/db"
	"github.com/aquasecurity/trivy-db/pkg/metadata"
	"github.com/aquasecurity/trivy-db/pkg/types"
	javadb "github.com/aquasecurity/trivy-java-db/pkg/db"
	bolt "go.etcd.io/bbolt"
	_ "modernc.org/sqlite"
)

// What is the same for both scanners.
type advisories struct {
	UpdatedAt       time.Time
	Vulnerabilities []struct {
		ID, Severity, Title, Vector string
		Score                       float64
		Published                   *time.Time
	}
	Affected []struct {
		ID, Ecosystem, Package, Constraint, Fixed, Status string
	}
}

// Trivy's bucket of each ecosystem, and where its advisories come from.
var sources = map[string]struct {
	bucket string
	source types.DataSource
}{
	"debian": {"debian 12", types.DataSource{ID: "debian", Name: "Debian Security Tracker", URL: "https://salsa.debian.org/security-tracker-team/security-tracker"}},
	"npm":    {"npm::GitHub Security Advisory npm", types.DataSource{ID: "ghsa", Name: "GitHub Security Advisory npm", URL: "https://github.com/advisories?query=type%3Areviewed+ecosystem%3Anpm"}},
	"java":   {"maven::GitHub Security Advisory Maven", types.DataSource{ID: "ghsa", Name: "GitHub Security Advisory Maven", URL: "https://github.com/advisories?query=type%3Areviewed+ecosystem%3Amaven"}},
}

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: database ADVISORIES CACHE"))
	}
	text, err := os.ReadFile(os.Args[1])
	fail(err)
	var all advisories
	fail(json.Unmarshal(text, &all))
	vulnerabilities(all, filepath.Join(os.Args[2], "db"))
	java(all.UpdatedAt, filepath.Join(os.Args[2], "java-db"))
}

func vulnerabilities(all advisories, dir string) {
	fail(db.Init(dir))
	dbc := db.Config{}
	fail(dbc.BatchUpdate(func(tx *bolt.Tx) error {
		for _, one := range sources {
			if err := dbc.PutDataSource(tx, one.bucket, one.source); err != nil {
				return err
			}
		}
		for _, one := range all.Vulnerabilities {
			record := types.Vulnerability{Title: one.Title, PublishedDate: one.Published}
			if one.Severity != "" {
				severity, err := types.NewSeverity(one.Severity)
				if err != nil {
					return err
				}
				record.Severity = one.Severity
				record.VendorSeverity = types.VendorSeverity{"nvd": severity}
				record.CVSS = types.VendorCVSS{"nvd": {V3Vector: one.Vector, V3Score: one.Score}}
			}
			if err := dbc.PutVulnerability(tx, one.ID, record); err != nil {
				return err
			}
		}
		for _, one := range all.Affected {
			source, known := sources[one.Ecosystem]
			if !known {
				return fmt.Errorf("%s: unknown ecosystem %q", one.ID, one.Ecosystem)
			}
			advisory := types.Advisory{FixedVersion: one.Fixed, Status: types.NewStatus(one.Status)}
			if one.Ecosystem != "debian" {
				advisory = types.Advisory{VulnerableVersions: []string{one.Constraint}}
				if one.Fixed != "" {
					advisory.PatchedVersions = []string{one.Fixed}
				}
			}
			if err := dbc.PutAdvisory(tx, []string{source.bucket, one.Package}, one.ID, &advisory); err != nil {
				return err
			}
		}
		return nil
	}))
	fail(db.Close())
	fail(metadata.NewClient(dir).Update(metadata.Metadata{
		Version:      db.SchemaVersion,
		UpdatedAt:    all.UpdatedAt,
		NextUpdate:   all.UpdatedAt.Add(24 * time.Hour),
		DownloadedAt: all.UpdatedAt.Add(time.Hour),
	}))
}

// An empty one: Trivy reads no archive of Java without, and ours says itself what it is.
func java(updated time.Time, dir string) {
	index, err := javadb.New(dir)
	fail(err)
	fail(index.Init())
	fail(index.Close())
	client := javadb.NewMetadata(dir)
	fail(client.Update(javadb.Metadata{
		Version:      javadb.SchemaVersion,
		UpdatedAt:    updated,
		NextUpdate:   updated.Add(24 * time.Hour),
		DownloadedAt: updated.Add(time.Hour),
	}))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "database:", err)
		os.Exit(1)
	}
}

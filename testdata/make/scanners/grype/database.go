// Makes the vulnerability database that the scan reports of testdata are written with, by Grype's own library.
//
//	database ADVISORIES CACHE
//
// ADVISORIES is ../advisories.json; CACHE is what GRYPE_DB_CACHE_DIR names.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/spf13/afero"
)

// What is the same for both scanners.
type advisories struct {
	UpdatedAt       time.Time
	Vulnerabilities []vulnerability
	Affected        []struct {
		ID, Ecosystem, Package, Constraint, Fixed, Status string
	}
}

type vulnerability struct {
	ID, GHSA, Severity, Title, Vector string
	Published                         *time.Time
}

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: database ADVISORIES CACHE"))
	}
	text, err := os.ReadFile(os.Args[1])
	fail(err)
	var all advisories
	fail(json.Unmarshal(text, &all))
	dir := filepath.Join(os.Args[2], strconv.Itoa(v6.ModelVersion))
	fail(os.MkdirAll(dir, 0o755))
	write(all, dir)
	// Its own clock says when it was built; the advisories say how new they are.
	raw, err := v6.NewLowLevelDB(filepath.Join(dir, v6.VulnerabilityDBFileName), false, true, false)
	fail(err)
	fail(raw.Model(&v6.DBMetadata{}).Where("true").Update("build_timestamp", all.UpdatedAt).Error)
	connection, err := raw.DB()
	fail(err)
	fail(connection.Close())
	fail(v6.Hydrater()(dir))
	_, err = v6.WriteImportMetadata(afero.NewOsFs(), dir, "testdata/make/scanners/advisories.json")
	fail(err)
}

func write(all advisories, dir string) {
	store, err := v6.NewWriter(v6.Config{DBDirPath: dir, CacheSizeKiB: 1024})
	fail(err)
	known := map[string]vulnerability{}
	for _, one := range all.Vulnerabilities {
		known[one.ID] = one
		// What NVD says is told beside what the distribution or GitHub says.
		fail(store.AddVulnerabilities(handle("nvd", one.ID, one, all.UpdatedAt)))
	}
	debian := &v6.OperatingSystem{Name: "debian", MajorVersion: "12", Codename: "bookworm"}
	for _, one := range all.Affected {
		about, ok := known[one.ID]
		if !ok {
			fail(fmt.Errorf("%s is not among the vulnerabilities", one.ID))
		}
		affected := &v6.AffectedPackageHandle{Package: &v6.Package{Name: one.Package, Ecosystem: one.Ecosystem}}
		kind, provider, id := "dpkg", "debian", one.ID
		switch one.Ecosystem {
		case "debian":
			affected.OperatingSystem = debian
			affected.Package.Ecosystem = "deb"
		case "npm", "java":
			provider, id, kind = "github", about.GHSA, map[string]string{"npm": "semver", "java": "maven"}[one.Ecosystem]
			affected.Package.Ecosystem = map[string]string{"npm": "npm", "java": "java-archive"}[one.Ecosystem]
		default:
			fail(fmt.Errorf("%s: unknown ecosystem %q", one.ID, one.Ecosystem))
		}
		affected.Vulnerability = handle(provider, id, about, all.UpdatedAt)
		fix := &v6.Fix{Version: one.Fixed, State: v6.FixedStatus}
		if one.Fixed == "" {
			fix.State = map[string]v6.FixStatus{"affected": v6.NotFixedStatus, "will_not_fix": v6.WontFixStatus}[one.Status]
		}
		affected.BlobValue = &v6.PackageBlob{Ranges: []v6.Range{{Version: v6.Version{Type: kind, Constraint: one.Constraint}, Fix: fix}}}
		if id != one.ID {
			affected.BlobValue.CVEs = []string{one.ID}
		}
		fail(store.AddVulnerabilities(affected.Vulnerability))
		fail(store.AddAffectedPackages(affected))
	}
	fail(store.Close())
}

func handle(provider, id string, one vulnerability, captured time.Time) *v6.VulnerabilityHandle {
	blob := &v6.VulnerabilityBlob{ID: id, Description: one.Title}
	if id != one.ID {
		blob.Aliases = []string{one.ID}
	}
	vector := v6.Severity{Scheme: v6.SeveritySchemeCVSS, Value: v6.CVSSSeverity{Vector: one.Vector, Version: "3.1"}, Source: provider, Rank: 1}
	word := v6.Severity{Scheme: v6.SeveritySchemeCHMLN, Value: strings.ToLower(one.Severity), Rank: 1}
	switch {
	case one.Severity == "":
	case provider == "nvd":
		blob.Severities = []v6.Severity{vector}
	case provider == "github":
		blob.Severities = []v6.Severity{word, vector}
	default:
		blob.Severities = []v6.Severity{word}
	}
	return &v6.VulnerabilityHandle{
		Name:          id,
		Status:        v6.VulnerabilityActive,
		PublishedDate: one.Published,
		ProviderID:    provider,
		Provider:      &v6.Provider{ID: provider, Version: "1", Processor: "testdata", DateCaptured: &captured},
		BlobValue:     blob,
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "database:", err)
		os.Exit(1)
	}
}

module countersign.dev/e2e/tools/ctstub

go 1.26

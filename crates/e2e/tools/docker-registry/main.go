// Command docker-registry is Docker's registry 2.8: its application as it is released, with our own few lines that listen.
//
//	docker-registry [-certificate FILE -key FILE] CONFIG.yml
//
// It listens on a free port of loopback only and says on standard error on which; what the configuration says of
// `http` is not used but for its secret. The command of the release brings an error reporter, a profiler and a client of
// Let's Encrypt whose module is gone; its storage drivers of clouds are of no use on loopback either.
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/docker/distribution/configuration"
	_ "github.com/docker/distribution/registry/auth/htpasswd"
	_ "github.com/docker/distribution/registry/auth/token"
	"github.com/docker/distribution/registry/handlers"
	_ "github.com/docker/distribution/registry/storage/driver/inmemory"
)

func main() {
	certificate := flag.String("certificate", "", "certificate chain, PEM; with it, HTTPS is served")
	key := flag.String("key", "", "its key, PEM")
	flag.Parse()
	file, err := os.Open(flag.Arg(0))
	if err != nil {
		log.Fatal(err)
	}
	config, err := configuration.Parse(file)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{
		ReadHeaderTimeout: 5 * time.Second,
		Handler:           handlers.NewApp(context.Background(), config),
	}
	log.Printf("serving on port %d", listener.Addr().(*net.TCPAddr).Port)
	if *certificate == "" {
		log.Fatal(server.Serve(listener))
	}
	log.Fatal(server.ServeTLS(listener, *certificate, *key))
}

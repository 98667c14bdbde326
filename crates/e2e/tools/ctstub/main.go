// Command ctstub stands in for a certificate transparency log while the tests run a private Fulcio.
//
//	ctstub ADDRESS PUBLIC_KEY_FILE [PRIVATE_KEY_FILE]
//
// It answers add-pre-chain (RFC 6962 section 4.2), under any path prefix, with a signed certificate timestamp that
// verifies under the P-256 key in PRIVATE_KEY_FILE (PKCS #8 PEM), or one that it makes at the start, and whose public
// half it writes to PUBLIC_KEY_FILE. It keeps no tree: a promise to log is all that a verifier of Sigstore certificates
// looks at.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// maxRequest is far above a chain of three certificates, the longest that Fulcio sends.
const maxRequest = 1 << 20

func main() {
	if len(os.Args) != 3 && len(os.Args) != 4 {
		log.Fatal("usage: ctstub ADDRESS PUBLIC_KEY_FILE [PRIVATE_KEY_FILE]")
	}
	if err := serve(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		log.Fatal("ctstub: ", err)
	}
}

func serve(address, publicKeyFile string, privateKeyFile []string) error {
	key, err := privateKey(privateKeyFile)
	if err != nil {
		return err
	}
	ctLog, err := newLog(key)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	if ip := listener.Addr().(*net.TCPAddr).IP; !ip.IsLoopback() {
		return fmt.Errorf("%s is not a loopback address: a log that promises everything to everybody stays at home", ip)
	}
	// Only now, so that whoever waits for the file finds the port open.
	block := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: ctLog.publicKey})
	if err := os.WriteFile(publicKeyFile, block, 0o644); err != nil {
		return err
	}
	server := &http.Server{Handler: handler(ctLog), ReadTimeout: 10 * time.Second}
	return server.Serve(listener)
}

// privateKey reads the file, if there is one, and makes a key else.
func privateKey(file []string) (*ecdsa.PrivateKey, error) {
	if len(file) == 0 {
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	text, err := os.ReadFile(file[0])
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM block", file[0])
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file[0], err)
	}
	p256, ok := key.(*ecdsa.PrivateKey)
	if !ok || p256.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%s is no P-256 key", file[0])
	}
	return p256, nil
}

func handler(ctLog *ctLog) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/ct/v1/add-pre-chain") {
			http.NotFound(w, r)
			return
		}
		answer, err := addPreChain(ctLog, http.MaxBytesReader(w, r.Body, maxRequest))
		if err != nil {
			log.Print("refused: ", err)
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			log.Print("answer not sent: ", err)
		}
	})
}

func addPreChain(ctLog *ctLog, body io.Reader) (*timestamp, error) {
	var request struct {
		Chain [][]byte `json:"chain"`
	}
	if err := json.NewDecoder(body).Decode(&request); err != nil {
		return nil, err
	}
	if len(request.Chain) < 2 {
		return nil, errors.New("the chain must hold the precertificate and its issuer")
	}
	precert, err := x509.ParseCertificate(request.Chain[0])
	if err != nil {
		return nil, fmt.Errorf("precertificate: %w", err)
	}
	issuer, err := x509.ParseCertificate(request.Chain[1])
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	return ctLog.promise(precert, issuer, time.Now())
}

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"net/http/httptest"
	"testing"
	"time"
)

// The timestamp must verify over the TBSCertificate that the CA later issues, so the test issues that one too: the
// same template without the poison gives, up to the poison, the same bytes.
func TestTimestampVerifiesOverTheFinalCertificate(t *testing.T) {
	ca, caKey := authority(t)
	precert, plain := leaf(t, ca, caKey, true), leaf(t, ca, caKey, false)
	log, err := newLog(newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string][][]byte{"chain": {precert.Raw, ca.Raw}})
	if err != nil {
		t.Fatal(err)
	}
	recorder := httptest.NewRecorder()
	handler(log).ServeHTTP(recorder, httptest.NewRequest("POST", "/test/ct/v1/add-pre-chain", bytes.NewReader(body)))
	if recorder.Code != 200 {
		t.Fatalf("status %d: %s", recorder.Code, recorder.Body)
	}
	var answer timestamp
	if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(answer.LogID, log.id[:]) {
		t.Fatal("the log id is not the hash of the public key")
	}
	digest := sha256.Sum256(signedData(answer.Timestamp, sha256.Sum256(ca.RawSubjectPublicKeyInfo), plain.RawTBSCertificate))
	if !ecdsa.VerifyASN1(&log.key.PublicKey, digest[:], answer.Signature[4:]) {
		t.Fatal("the signature does not verify over the certificate without poison")
	}
}

func TestRefusesWhatIsNoPrecertificateOfTheIssuer(t *testing.T) {
	ca, caKey := authority(t)
	other, _ := authority(t)
	log, err := newLog(newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.promise(leaf(t, ca, caKey, false), ca, time.Now()); err == nil {
		t.Fatal("a certificate without poison was promised")
	}
	if _, err := log.promise(leaf(t, ca, caKey, true), other, time.Now()); err == nil {
		t.Fatal("a precertificate was promised under an issuer that did not sign it")
	}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func authority(t *testing.T) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(time.Hour),
	}
	return certificate(t, template, template, key, key), key
}

var leafKey, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)

func leaf(t *testing.T, ca *x509.Certificate, caKey *ecdsa.PrivateKey, precert bool) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotAfter: ca.NotAfter, EmailAddresses: []string{"dev@example.com"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
	if precert {
		template.ExtraExtensions = []pkix.Extension{{Id: poison, Critical: true, Value: []byte{5, 0}}}
	}
	return certificate(t, template, ca, leafKey, caKey)
}

func certificate(t *testing.T, template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

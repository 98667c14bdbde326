package main

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// poison marks a precertificate (RFC 6962 section 3.1).
var poison = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 3}

type ctLog struct {
	key       *ecdsa.PrivateKey
	publicKey []byte            // DER SubjectPublicKeyInfo
	id        [sha256.Size]byte // its hash
}

// timestamp is the answer to add-pre-chain; encoding/json writes the byte slices as base64.
type timestamp struct {
	Version    uint8  `json:"sct_version"`
	LogID      []byte `json:"id"`
	Timestamp  uint64 `json:"timestamp"` // milliseconds since 1970
	Extensions string `json:"extensions"`
	Signature  []byte `json:"signature"` // a TLS DigitallySigned
}

func newLog(key *ecdsa.PrivateKey) (*ctLog, error) {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	return &ctLog{key: key, publicKey: der, id: sha256.Sum256(der)}, nil
}

// promise signs the timestamp that the issuer embeds into the final certificate.
func (l *ctLog) promise(precert, issuer *x509.Certificate, now time.Time) (*timestamp, error) {
	if err := precert.CheckSignatureFrom(issuer); err != nil {
		return nil, fmt.Errorf("the precertificate is not its issuer's: %w", err)
	}
	tbs, err := withoutPoison(precert.RawTBSCertificate)
	if err != nil {
		return nil, err
	}
	milliseconds := uint64(now.UnixMilli())
	digest := sha256.Sum256(signedData(milliseconds, sha256.Sum256(issuer.RawSubjectPublicKeyInfo), tbs))
	signature, err := ecdsa.SignASN1(rand.Reader, l.key, digest[:])
	if err != nil {
		return nil, err
	}
	const hashSHA256, signatureECDSA = 4, 3 // RFC 5246 section 7.4.1.4.1
	signed := []byte{hashSHA256, signatureECDSA}
	signed = binary.BigEndian.AppendUint16(signed, uint16(len(signature)))
	signed = append(signed, signature...)
	return &timestamp{LogID: l.id[:], Timestamp: milliseconds, Signature: signed}, nil
}

// signedData is the digitally-signed struct of RFC 6962 section 3.2 for a precert_entry without extensions.
func signedData(milliseconds uint64, issuerKeyHash [sha256.Size]byte, tbs []byte) []byte {
	const v1, certificateTimestamp, precertEntry = 0, 0, 1
	data := []byte{v1, certificateTimestamp}
	data = binary.BigEndian.AppendUint64(data, milliseconds)
	data = binary.BigEndian.AppendUint16(data, precertEntry)
	data = append(data, issuerKeyHash[:]...)
	data = append(data, byte(len(tbs)>>16), byte(len(tbs)>>8), byte(len(tbs)))
	data = append(data, tbs...)
	return append(data, 0, 0)
}

// withoutPoison is the TBSCertificate as the final certificate will have it before the timestamp is embedded: every
// other element keeps its bytes.
func withoutPoison(tbs []byte) ([]byte, error) {
	elements, err := children(tbs)
	if err != nil {
		return nil, err
	}
	var kept []byte
	found := false
	for _, element := range elements {
		if element.Class != asn1.ClassContextSpecific || element.Tag != 3 {
			kept = append(kept, element.FullBytes...)
			continue
		}
		extensions, err := children(element.Bytes)
		if err != nil {
			return nil, err
		}
		var others []byte
		for _, raw := range extensions {
			var extension pkix.Extension
			if _, err := asn1.Unmarshal(raw.FullBytes, &extension); err != nil {
				return nil, err
			}
			if extension.Id.Equal(poison) {
				found = true
				continue
			}
			others = append(others, raw.FullBytes...)
		}
		if len(others) == 0 {
			continue
		}
		sequence, err := wrap(asn1.ClassUniversal, asn1.TagSequence, others)
		if err != nil {
			return nil, err
		}
		explicit, err := wrap(asn1.ClassContextSpecific, 3, sequence)
		if err != nil {
			return nil, err
		}
		kept = append(kept, explicit...)
	}
	if !found {
		return nil, errors.New("not a precertificate: it has no poison extension")
	}
	return wrap(asn1.ClassUniversal, asn1.TagSequence, kept)
}

func children(der []byte) ([]asn1.RawValue, error) {
	var outer asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &outer); err != nil || len(rest) != 0 || outer.Tag != asn1.TagSequence {
		return nil, errors.New("not a single DER sequence")
	}
	var list []asn1.RawValue
	for rest := outer.Bytes; len(rest) > 0; {
		var element asn1.RawValue
		next, err := asn1.Unmarshal(rest, &element)
		if err != nil {
			return nil, err
		}
		list, rest = append(list, element), next
	}
	return list, nil
}

func wrap(class, tag int, content []byte) ([]byte, error) {
	return asn1.Marshal(asn1.RawValue{Class: class, Tag: tag, IsCompound: true, Bytes: content})
}

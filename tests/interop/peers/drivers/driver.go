// SPDX-License-Identifier: MIT

// driver ROLE PORT VERSION CA CERT KEY ASK DATA GOT STEP...: a TLS peer on crypto/tls; see grammar.py for the steps.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

var (
	data     []byte
	got      *os.File
	received int
)

func giveUp(err error) {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		fmt.Println("failed io.ErrUnexpectedEOF:", err)
	} else {
		fmt.Println("failed", err)
	}
	os.Exit(0)
}

func check(err error) {
	if err != nil {
		giveUp(err)
	}
}

func config(args []string) *tls.Config {
	version := map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[args[3]]
	pem, err := os.ReadFile(args[4])
	check(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	settings := &tls.Config{MinVersion: version, MaxVersion: version, RootCAs: roots, ClientCAs: roots, ServerName: "localhost"}
	if args[7] == "ask" {
		settings.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if args[5] != "-" {
		pair, err := tls.LoadX509KeyPair(args[5], args[6])
		check(err)
		// Certificates would be shown only to a server that names their authority; this shows it to all.
		settings.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		settings.Certificates = []tls.Certificate{pair}
	}
	return settings
}

func plain(args []string) net.Conn {
	if args[1] == "client" {
		connection, err := net.Dial("tcp", "127.0.0.1:"+args[2])
		check(err)
		return connection
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Println("port", listener.Addr().(*net.TCPAddr).Port)
	connection, err := listener.Accept()
	check(err)
	return connection
}

// hear reads until limit bytes have come in all; true at the peer's end.
func hear(from *tls.Conn, limit int) bool {
	buffer := make([]byte, 65536)
	for received < limit {
		n, err := from.Read(buffer)
		got.Write(buffer[:n])
		received += n
		if err == io.EOF {
			return true
		}
		check(err)
	}
	return false
}

func perform(step string, secure *tls.Conn, tcp *net.TCPConn) {
	word, number, _ := strings.Cut(step, ":")
	count, _ := strconv.Atoi(number)
	switch word {
	case "send", "reply":
		_, err := secure.Write(data[:count])
		check(err)
		data = data[count:]
	case "recv":
		hear(secure, count)
	case "read":
		if hear(secure, math.MaxInt) {
			fmt.Println("end io.EOF")
		}
	case "stall":
		time.Sleep(time.Duration(count) * time.Millisecond)
	case "half":
		check(secure.CloseWrite())
	case "close":
		check(secure.Close())
	case "cut":
		tcp.Close()
	case "reset":
		tcp.SetLinger(0)
		tcp.Close()
	}
}

func main() {
	var err error
	args := os.Args
	data, err = os.ReadFile(args[8])
	check(err)
	got, err = os.Create(args[9])
	check(err)
	settings, connection := config(args), plain(args)
	var secure *tls.Conn
	if args[1] == "server" {
		secure = tls.Server(connection, settings)
	} else {
		secure = tls.Client(connection, settings)
	}
	if err := secure.Handshake(); err != nil {
		connection.Close()
		giveUp(err)
	}
	for _, step := range args[10:] {
		perform(step, secure, connection.(*net.TCPConn))
	}
}

// SPDX-License-Identifier: MIT

// The peer on Go's crypto/tls: a goroutine for each connection, and one more while it sends what an exchange asks for.
//
// What it cannot do: choose among the suites of TLS 1.3. On a machine with AES instructions it takes aes128.
package main

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	requestSize   = 24
	broadcastSize = 1024
	mostWrite     = 1 << 20
	kindEcho      = 2
)

var errCannot = errors.New("crypto/tls does not let one choose this suite")

// What everybody sends.
var content [mostWrite]byte

// ---------------------------------------------------------------- words

type arguments struct {
	texts   map[string]string
	numbers map[string]uint64
}

func readArguments(words []string) (*arguments, error) {
	a := &arguments{
		texts:   map[string]string{"cert": "", "key": "", "tls": "1.3", "cipher": "aes128"},
		numbers: map[string]uint64{"deadline": 1000, "port": 0, "write": 16384, "up": 0, "down": 0, "requests": 1},
	}
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		if _, known := a.texts[name]; known {
			a.texts[name] = value
		} else if _, known := a.numbers[name]; !known {
			return nil, fmt.Errorf("what is %s? See bench/README.md", word)
		} else if n, err := strconv.ParseUint(value, 10, 63); err != nil {
			return nil, err
		} else {
			a.numbers[name] = n
		}
	}
	return a, nil
}

func (a *arguments) config() (*tls.Config, error) {
	version, known := map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[a.texts["tls"]]
	suite, suiteKnown := map[string]uint16{
		"aes128": tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		"aes256": tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		"chacha": tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	}[a.texts["cipher"]]
	if !known || !suiteKnown {
		return nil, errors.New("what is this version or suite? See bench/README.md")
	}
	config := &tls.Config{MinVersion: version, MaxVersion: version, InsecureSkipVerify: true}
	if version == tls.VersionTLS12 {
		config.CipherSuites = []uint16{suite}
	} else if a.texts["cipher"] != "aes128" {
		return nil, errCannot
	} else {
		config.VerifyConnection = func(state tls.ConnectionState) error {
			if state.CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
				return errCannot
			}
			return nil
		}
	}
	return config, nil
}

// ---------------------------------------------------------------- requests

type request struct {
	kind, write uint32
	up, down    uint64
}

func (r *request) pack() []byte {
	bytes := make([]byte, requestSize)
	binary.BigEndian.PutUint32(bytes, r.kind)
	binary.BigEndian.PutUint32(bytes[4:], r.write)
	binary.BigEndian.PutUint64(bytes[8:], r.up)
	binary.BigEndian.PutUint64(bytes[16:], r.down)
	return bytes
}

func unpack(bytes []byte) request {
	return request{
		kind:  binary.BigEndian.Uint32(bytes),
		write: usable(uint64(binary.BigEndian.Uint32(bytes[4:]))),
		up:    binary.BigEndian.Uint64(bytes[8:]),
		down:  binary.BigEndian.Uint64(bytes[16:]),
	}
}

func usable(write uint64) uint32 {
	if write < 1 || write > mostWrite {
		return mostWrite
	}
	return uint32(write)
}

func send(conn *tls.Conn, total uint64, write uint32) error {
	for total > 0 {
		chunk := content[:write]
		if total < uint64(write) {
			chunk = content[:total]
		}
		n, err := conn.Write(chunk)
		if err != nil {
			return err
		}
		total -= uint64(n)
	}
	return nil
}

func receive(conn *tls.Conn, total uint64, buffer []byte) error {
	for total > 0 {
		if total < uint64(len(buffer)) {
			buffer = buffer[:total]
		}
		n, err := conn.Read(buffer)
		if total -= uint64(n); err != nil && total > 0 {
			return err
		}
	}
	return nil
}

// Both directions at the same time; the second has a goroutine only if there is something in it.
func both(conn *tls.Conn, out, in uint64, write uint32) error {
	sent := make(chan error, 1)
	if out > 0 && in > 0 {
		go func() { sent <- send(conn, out, write) }()
	} else {
		sent <- send(conn, out, write)
	}
	var err error
	if in > 0 {
		buffer := borrow(write)
		err = receive(conn, in, *buffer)
		buffers.Put(buffer)
	}
	if sendErr := <-sent; err == nil {
		err = sendErr
	}
	return err
}

// Buffers are lent for an exchange: who waits for a request has none.
var buffers sync.Pool

func borrow(size uint32) *[]byte {
	if had, _ := buffers.Get().(*[]byte); had != nil && cap(*had) >= int(size) {
		*had = (*had)[:size]
		return had
	}
	buffer := make([]byte, size)
	return &buffer
}

// Our end; the peer may go on until its own.
func endWriting(conn *tls.Conn) {
	conn.CloseWrite() // close_notify
	conn.NetConn().(*net.TCPConn).CloseWrite()
}

// ---------------------------------------------------------------- server

type connection struct {
	*tls.Conn
	told *sync.WaitGroup // who waits for its end; of the server's mutex
}

type server struct {
	deadline time.Duration
	mutex    sync.Mutex
	open     map[*connection]struct{}
}

func (s *server) handle(conn *tls.Conn) {
	defer conn.Close()
	if conn.Handshake() != nil {
		return
	}
	c := &connection{Conn: conn}
	s.mutex.Lock()
	s.open[c] = struct{}{}
	s.mutex.Unlock()

	c.converse()
	if s.isTold(c) {
		io.Copy(io.Discard, c) // to the peer's end, or the deadline
	}
	endWriting(conn)
	conn.Close()

	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.open, c)
	if c.told != nil {
		c.told.Done()
	}
}

// Until the peer ends, or something is wrong.
func (c *connection) converse() {
	header := make([]byte, requestSize)
	for {
		if _, err := io.ReadFull(c, header); err != nil {
			return
		}
		r := unpack(header)
		if r.kind == kindEcho {
			buffer := borrow(r.write)
			io.CopyBuffer(c, c, *buffer)
			buffers.Put(buffer)
			return
		}
		if both(c.Conn, r.down, r.up, r.write) != nil {
			return
		}
	}
}

func (s *server) isTold(c *connection) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return c.told != nil
}

// tell lets each open connection do something, and prints when all of it is done. A goroutine each: one that waits
// must not keep the others waiting.
func (s *server) tell(word string, what func(c *connection, done *sync.WaitGroup)) {
	since := time.Now()
	done := new(sync.WaitGroup)
	s.mutex.Lock()
	count := len(s.open)
	done.Add(count)
	for c := range s.open {
		what(c, done)
	}
	s.mutex.Unlock()
	go func() {
		done.Wait()
		fmt.Printf("%s %d %.1f\n", word, count, float64(time.Since(since).Microseconds())/1000)
	}()
}

func (s *server) broadcast(c *connection, done *sync.WaitGroup) {
	go func() {
		c.Write(content[:broadcastSize])
		done.Done()
	}()
}

func (s *server) close(c *connection, done *sync.WaitGroup) {
	if c.told != nil {
		done.Done() // somebody else waits
		return
	}
	c.told = done
	go func() {
		c.SetDeadline(time.Now().Add(s.deadline))
		// Close_notify has a deadline of Go's own, of 5 s: where nobody listens, the socket goes from under it.
		time.AfterFunc(s.deadline, func() { c.NetConn().Close() })
		endWriting(c.Conn)
	}()
}

func (s *server) obey(order byte) {
	switch order {
	case 'n':
		s.mutex.Lock()
		defer s.mutex.Unlock()
		fmt.Printf("open %d\n", len(s.open))
	case 'b':
		s.tell("broadcast", s.broadcast)
	case 'c':
		s.tell("closed", s.close)
	}
}

func (s *server) takeOrders() {
	input := bufio.NewReader(os.Stdin)
	for {
		order, err := input.ReadByte()
		if err != nil {
			os.Exit(0)
		}
		s.obey(order)
	}
}

// The limit of descriptors is raised by package os.
func serve(a *arguments, config *tls.Config) error {
	pair, err := tls.LoadX509KeyPair(a.texts["cert"], a.texts["key"])
	if err != nil {
		return err
	}
	config.Certificates = []tls.Certificate{pair}
	listener, err := tls.Listen("tcp4", "127.0.0.1:0", config)
	if err != nil {
		return err
	}
	fmt.Printf("port %d\n", listener.Addr().(*net.TCPAddr).Port)
	s := &server{deadline: time.Duration(a.numbers["deadline"]) * time.Millisecond, open: map[*connection]struct{}{}}
	go s.takeOrders()
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go s.handle(conn.(*tls.Conn))
	}
}

// ---------------------------------------------------------------- client

func client(a *arguments, config *tls.Config) error {
	conn, err := tls.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", a.numbers["port"]), config)
	if err != nil {
		return err
	}
	defer conn.Close()
	ask := request{1, usable(a.numbers["write"]), a.numbers["up"], a.numbers["down"]}
	for i := uint64(0); i < a.numbers["requests"]; i++ {
		if _, err = conn.Write(ask.pack()); err != nil {
			return err
		}
		if err = both(conn, ask.up, ask.down, ask.write); err != nil {
			return err
		}
	}
	endWriting(conn)
	_, err = io.Copy(io.Discard, conn)
	return err
}

func run(words []string) error {
	if len(words) < 1 {
		return errors.New("serve or client? See bench/README.md")
	}
	a, err := readArguments(words[1:])
	if err != nil {
		return err
	}
	config, err := a.config()
	if err != nil {
		return err
	}
	switch words[0] {
	case "serve":
		return serve(a, config)
	case "client":
		return client(a, config)
	}
	return errors.New("serve or client? See bench/README.md")
}

func main() {
	err := run(os.Args[1:])
	if errors.Is(err, errCannot) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(77)
	} else if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

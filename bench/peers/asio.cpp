/* SPDX-License-Identifier: MIT */
// The peer on Boost.Asio: ssl::stream, one io_context, one thread, as its documentation has it.
//
// What it cannot do: async_shutdown writes close_notify and reads the peer's as one operation, so the write side of the
// socket ends only after both; and data that it meets in place of the peer's close_notify end it with an error.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <list>
#include <memory>
#include <utility>
#include <vector>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>

#include "peer.h"

namespace asio = boost::asio;
namespace ssl = asio::ssl;
using asio::ip::tcp;
// One executor, known when it is compiled, which is a little faster than any_io_executor.
using executor = asio::io_context::executor_type;
using tcp_socket = asio::basic_stream_socket<tcp, executor>;
using tcp_acceptor = asio::basic_socket_acceptor<tcp, executor>;
using boost::system::error_code;

namespace
{

ssl::context make_context(ssl::context::method side, const arguments &given)
{
    ssl::context context(side);
    SSL_CTX *native = context.native_handle();
    const int version = given.tls == 12 ? TLS1_2_VERSION : TLS1_3_VERSION;
    const char *suite = arguments_suite(&given);
    if (SSL_CTX_set_min_proto_version(native, version) != 1 || SSL_CTX_set_max_proto_version(native, version) != 1)
        peer_cannot("this OpenSSL does not speak this version");
    if ((given.tls == 12 ? SSL_CTX_set_cipher_list(native, suite) : SSL_CTX_set_ciphersuites(native, suite)) != 1)
        peer_cannot("this OpenSSL does not have this suite");
    return context;
}

// ---------------------------------------------------------------- server

class connection;
using connections = std::list<std::shared_ptr<connection>>;

class server
{
    ssl::context context;
    tcp_acceptor acceptor;
    asio::posix::stream_descriptor input;
    asio::steady_timer timer; // one for all: they are told at once
    std::chrono::milliseconds deadline;
    std::array<char, 64> orders;

    void accept();
    void take_orders();
    void obey(char order);
    void broadcast();
    void close_all();
    void lose_patience();

  public:
    connections open;
    orders_work broadcasts{}, closes{};

    server(asio::io_context &loop, const arguments &given);
};

class connection : public std::enable_shared_from_this<connection>
{
    server &owner;
    ssl::stream<tcp_socket> tls;
    connections::iterator place;
    struct talk talk;
    // The large one is there during an exchange only: who waits for a request needs no more than its bytes.
    std::array<std::uint8_t, REQUEST> small;
    std::vector<std::uint8_t> large;
    asio::const_buffer to_echo;
    std::size_t to_broadcast = 0;
    enum class output { none, broadcast, echo, talk } writing = output::none;
    bool is_open = false, is_told = false, is_ending = false, is_shutting_down = false;

    asio::mutable_buffer room();
    void read();
    void heard(const std::uint8_t *at, std::size_t size);
    void read_failed(const error_code &error);
    output due() const;
    asio::const_buffer bytes_of(output what) const;
    void write();
    void wrote(std::size_t size);
    void end();
    void shut_down();
    void gone();

  public:
    connection(server &owner, tcp_socket socket, ssl::context &context) : owner(owner), tls(std::move(socket), context)
    {
        talk_init(&talk);
    }
    void start();
    void broadcast();
    void close();
    void lose_patience();
};

void connection::start()
{
    error_code ignored;
    tls.lowest_layer().set_option(tcp::no_delay(true), ignored);
    tls.async_handshake(ssl::stream_base::server, [self = shared_from_this()](const error_code &error) {
        if (error)
            return;
        self->place = self->owner.open.insert(self->owner.open.end(), self);
        self->is_open = true;
        self->read();
    });
}

asio::mutable_buffer connection::room()
{
    if (!talk.echo && talk.to_hear == 0) {
        std::vector<std::uint8_t>().swap(large);
        return asio::buffer(small);
    }
    large.resize(talk.write);
    return asio::buffer(large);
}

void connection::read()
{
    auto to = room();
    auto at = static_cast<const std::uint8_t *>(to.data());
    tls.async_read_some(to, [self = shared_from_this(), at](const error_code &error, std::size_t size) {
        error ? self->read_failed(error) : self->heard(at, size);
    });
}

void connection::heard(const std::uint8_t *at, std::size_t size)
{
    if (is_ending)
        return read(); // what comes behind our own end is forgotten
    auto exchanged = talk_hear(&talk, at, size);
    to_echo = asio::buffer(at + exchanged, size - exchanged);
    write();
    if (to_echo.size() == 0)
        read();
}

void connection::read_failed(const error_code &error)
{
    error == asio::error::eof ? end() : gone();
}

connection::output connection::due() const
{
    return to_broadcast > 0     ? output::broadcast
           : to_echo.size() > 0 ? output::echo
           : talk.to_say > 0    ? output::talk
                                : output::none;
}

asio::const_buffer connection::bytes_of(output what) const
{
    if (what == output::broadcast)
        return asio::buffer(outgoing, BROADCAST);
    if (what == output::echo)
        return to_echo;
    const std::uint8_t *at;
    auto size = talk_next(&talk, &at);
    return asio::buffer(at, size);
}

// One write at a time, as Asio demands; what else is due is written after it.
void connection::write()
{
    if (writing != output::none)
        return;
    if (is_ending)
        return shut_down();
    writing = due();
    if (writing == output::none)
        return;
    asio::async_write(tls, bytes_of(writing), [self = shared_from_this()](const error_code &error, std::size_t size) {
        error ? self->gone() : self->wrote(size);
    });
}

void connection::wrote(std::size_t size)
{
    auto what = std::exchange(writing, output::none);
    if (what == output::broadcast) {
        to_broadcast--;
        orders_done(&owner.broadcasts);
    } else if (what == output::echo) {
        to_echo = {};
        read();
    } else {
        talk_said(&talk, size);
    }
    write();
}

void connection::broadcast()
{
    to_broadcast++;
    write();
}

void connection::close()
{
    is_told = true;
    end();
}

void connection::end()
{
    is_ending = true;
    write();
}

// A read may be going on: async_shutdown waits behind it for what the peer sends.
void connection::shut_down()
{
    if (std::exchange(is_shutting_down, true))
        return;
    tls.async_shutdown([self = shared_from_this()](const error_code &) { self->gone(); });
}

void connection::lose_patience()
{
    if (is_told)
        gone();
}

void connection::gone()
{
    if (!std::exchange(is_open, false))
        return;
    error_code ignored;
    tls.lowest_layer().shutdown(tcp::socket::shutdown_send, ignored);
    tls.lowest_layer().close(ignored);
    owner.open.erase(place);
    for (; to_broadcast > 0; to_broadcast--)
        orders_done(&owner.broadcasts);
    if (is_told)
        orders_done(&owner.closes);
}

server::server(asio::io_context &loop, const arguments &given)
    : context(make_context(ssl::context::tls_server, given)), acceptor(loop, {asio::ip::address_v4::loopback(), 0}),
      input(loop, STDIN_FILENO), timer(loop), deadline(given.deadline_ms)
{
    context.use_certificate_chain_file(given.cert);
    context.use_private_key_file(given.key, ssl::context::pem);
    orders_say("port", acceptor.local_endpoint().port());
    accept();
    take_orders();
}

void server::accept()
{
    acceptor.async_accept([this](const error_code &error, tcp_socket socket) {
        if (error)
            peer_failed(error.message().c_str());
        std::make_shared<connection>(*this, std::move(socket), context)->start();
        accept();
    });
}

void server::take_orders()
{
    input.async_read_some(asio::buffer(orders), [this](const error_code &error, std::size_t size) {
        if (error)
            std::exit(0);
        std::for_each_n(orders.begin(), size, [this](char order) { obey(order); });
        take_orders();
    });
}

void server::obey(char order)
{
    if (order == 'n')
        orders_say("open", open.size());
    else if (order == 'b')
        broadcast();
    else if (order == 'c')
        close_all();
}

void server::broadcast()
{
    orders_begin(&broadcasts, "broadcast", open.size());
    for (auto &each : open)
        each->broadcast();
}

void server::close_all()
{
    orders_begin(&closes, "closed", open.size());
    timer.expires_after(deadline);
    for (auto &each : open)
        each->close();
    timer.async_wait([this](const error_code &error) {
        if (!error)
            lose_patience();
    });
}

void server::lose_patience()
{
    for (auto each = open.begin(); each != open.end();) {
        auto late = *each++; // it may take itself out of the list
        late->lose_patience();
    }
}

// ---------------------------------------------------------------- client

void check(const error_code &error)
{
    if (error)
        peer_failed(error.message().c_str());
}

class client
{
    const arguments &given;
    ssl::context context;
    ssl::stream<tcp_socket> tls;
    unsigned long requests;
    struct talk talk;
    std::vector<std::uint8_t> body;
    bool is_writing = false, is_reading = false;

    void ask();
    void write();
    void read();
    void end();

  public:
    client(asio::io_context &loop, const arguments &given);
};

client::client(asio::io_context &loop, const arguments &given)
    : given(given), context(make_context(ssl::context::tls_client, given)), tls(loop, context),
      requests(given.requests), body(given.write)
{
    tls.lowest_layer().connect({asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(given.port)});
    tls.lowest_layer().set_option(tcp::no_delay(true));
    tls.async_handshake(ssl::stream_base::client, [this](const error_code &error) {
        check(error);
        ask();
    });
}

void client::ask()
{
    if (requests-- == 0)
        return end();
    talk_ask(&talk, &given);
    is_reading = true;
    write();
    read();
}

void client::write()
{
    const std::uint8_t *at;
    auto size = talk_next(&talk, &at);
    is_writing = size > 0;
    if (is_writing)
        return asio::async_write(tls, asio::buffer(at, size), [this](const error_code &error, std::size_t written) {
            check(error);
            talk_said(&talk, written);
            write();
        });
    if (!is_reading)
        ask();
}

void client::read()
{
    is_reading = talk.to_hear > 0;
    if (is_reading)
        return tls.async_read_some(asio::buffer(body), [this](const error_code &error, std::size_t size) {
            check(error);
            talk.to_hear -= std::min<std::uint64_t>(size, talk.to_hear);
            read();
        });
    if (!is_writing)
        ask();
}

void client::end()
{
    tls.async_shutdown([this](const error_code &error) {
        check(error);
        tls.lowest_layer().shutdown(tcp::socket::shutdown_send);
        tls.lowest_layer().close();
    });
}

} // namespace

int main(int argc, char **argv)
try {
    const auto given = arguments_read(argc, argv);
    asio::io_context loop(1); // one thread
    if (given.serves) {
        peer_raise_limit();
        server server(loop, given);
        loop.run();
    } else {
        client client(loop, given);
        loop.run();
    }
    return 0;
} catch (const std::exception &error) {
    peer_failed(error.what());
}

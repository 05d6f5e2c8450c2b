#include <keywarden/transport/asio/handshake.hpp>

#include <boost/test/unit_test.hpp>

#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <keywarden/transport/tls.hpp>
#include <support/refusals.hpp>
#include <support/scripted_stream.hpp>
#include <support/two_ends.hpp>

namespace asio_stream_test {

namespace kw = keywarden;
namespace net = boost::asio;
namespace transport = kw::transport;
using boost::system::error_code;
using kw::errc;
using kw::testing::accepted;
using kw::testing::knows;
using kw::testing::refused_as;
using kw::testing::scripted_stream;
using stream = transport::stream_of<transport::handshake, scripted_stream>;

constexpr auto patience = std::chrono::seconds(30);
constexpr std::size_t part = 16384;

/// Two instances that know each other, and one that knows them and is not known.
struct instances {
  std::shared_ptr<const kw::pki::identity> a = kw::testing::make_identity("a");
  std::shared_ptr<const kw::pki::identity> b = kw::testing::make_identity("b");
  knows at_a{a, *b, "b"};
  knows at_b{b, *a, "a"};
  knows stranger{kw::testing::make_identity("stranger"), *b, "b"};

  static transport::handshake connect(const knows& with) {
    return transport::tls13<>::context<knows>::create(with).value().connect("b").value();
  }
  static transport::handshake accept(const knows& with) {
    return transport::tls13<>::context<knows>::create(with).value().accept().value();
  }
};
const instances& cast() {
  static const instances one;
  return one;
}

// One type for all handlers of a kind: each type costs the compiler a second.
using on_bytes = std::function<void(error_code, std::size_t)>;
using on_goodbye = std::function<void(error_code)>;
using on_stream = std::function<void(kw::result<stream>)>;

/// What an operation came to; `done` counts completions.
struct outcome {
  error_code code;
  std::size_t size = 0;
  int done = 0;

  on_bytes into() {
    return [this](error_code with, std::size_t count) {
      code = with;
      size = count;
      ++done;
    };
  }
  on_goodbye of_goodbye() {
    return [this](error_code with) { into()(with, 0); };
  }
};
/// Where a handshake leaves what it came to.
using fate = std::optional<kw::result<stream>>;
on_stream into(fate& out) {
  return [&out](kw::result<stream> made) { out.emplace(std::move(made)); };
}

/// Runs what is ready, and waits for nothing.
void pump(net::io_context& context) {
  context.restart();
  while (context.poll() != 0) {
  }
}
/// Runs until nothing is left to wait for. False if that takes longer than anybody's patience.
bool run(net::io_context& context) {
  context.restart();
  context.run_for(patience);
  return context.stopped();
}

/// Two streams over one connection in memory.
struct streams {
  net::io_context context;
  std::pair<scripted_stream, scripted_stream> ends = scripted_stream::connected(context);
  std::shared_ptr<kw::testing::script> at_a = ends.first.told();
  std::shared_ptr<kw::testing::script> at_b = ends.second.told();
  std::optional<stream> a;
  std::optional<stream> b;

  explicit streams(std::size_t piece = kw::testing::script::never) {
    at_a->piece = at_b->piece = piece;
    fate made_a;
    fate made_b;
    transport::async_handshake(std::move(ends.first), instances::connect(cast().at_a), patience,
                               into(made_a));
    transport::async_handshake(std::move(ends.second), instances::accept(cast().at_b), patience,
                               into(made_b));
    asio_stream_test::pump(context);
    for (auto* each : {&made_a, &made_b})
      BOOST_TEST_REQUIRE((each->has_value() && accepted(**each)));
    a.emplace(std::move(**made_a));
    b.emplace(std::move(**made_b));
  }
  void pump() { asio_stream_test::pump(context); }
};

/// Data in which every place is told apart.
std::string pattern(std::size_t size, unsigned seed = 1) {
  std::string made(size, ' ');
  for (auto& each : made) {
    seed = seed * 1664525U + 1013904223U;
    each = static_cast<char>(seed >> 24U);
  }
  return made;
}

/// Says `words` and gives what arrived of them.
std::string said(streams& of, stream& from, stream& to, std::string_view words) {
  outcome wrote;
  outcome read;
  std::string heard(words.size(), ' ');
  net::async_write(from, net::buffer(words), wrote.into());
  net::async_read(to, net::buffer(heard), read.into());
  of.pump();
  BOOST_TEST(wrote.done == 1);
  BOOST_TEST(read.done == 1);
  BOOST_TEST(!wrote.code);
  heard.resize(read.size);
  return heard;
}

BOOST_AUTO_TEST_SUITE(asio_stream)

BOOST_AUTO_TEST_CASE(what_is_written_arrives_in_any_fragmentation) {
  for (const std::size_t piece : {1U, 7U, 4096U}) {
    streams of(piece);
    BOOST_TEST(said(of, *of.a, *of.b, "there") == "there");
    const auto data = pattern(piece == 1 ? 2000 : 50000);
    BOOST_TEST((said(of, *of.b, *of.a, data) == data));
    BOOST_TEST(of.a->proof().who().login == "b");
    BOOST_TEST(of.b->proof().who().login == "a");
  }
}

BOOST_AUTO_TEST_CASE(a_write_takes_one_part_and_completes_when_the_socket_has_it) {
  streams of;
  of.at_a->capacity = 8192;
  const auto data = pattern(100000);
  outcome wrote;
  of.a->async_write_some(net::buffer(data), wrote.into());
  of.pump();
  BOOST_TEST(wrote.done == 0);  // half of it is still here
  std::string heard(part, ' ');
  outcome read;
  net::async_read(*of.b, net::buffer(heard), read.into());
  of.pump();
  BOOST_TEST(wrote.done == 1);
  BOOST_TEST(wrote.size == part);
  BOOST_TEST((heard == data.substr(0, part)));
}

BOOST_AUTO_TEST_CASE(small_buffers_become_one_record) {
  streams of;
  const std::array<net::const_buffer, 3> pieces{net::buffer("one ", 4), net::buffer("two ", 4),
                                                net::buffer("three", 5)};
  const auto before = of.at_a->writes;
  outcome wrote;
  of.a->async_write_some(pieces, wrote.into());
  std::string heard(100, ' ');
  outcome read;
  of.b->async_read_some(net::buffer(heard), read.into());
  of.pump();
  BOOST_TEST(wrote.size == 13U);
  BOOST_TEST(of.at_a->writes == before + 1);
  BOOST_TEST(heard.substr(0, read.size) == "one two three");
}

BOOST_AUTO_TEST_CASE(operations_on_nothing_complete_at_once_but_not_within_the_call) {
  streams of;
  const auto before = of.at_a->operations;
  outcome wrote;
  outcome read;
  of.a->async_write_some(net::const_buffer(), wrote.into());
  of.a->async_read_some(net::mutable_buffer(), read.into());
  BOOST_TEST(wrote.done == 0);
  BOOST_TEST(read.done == 0);
  of.pump();
  BOOST_TEST(wrote.done == 1);
  BOOST_TEST(read.done == 1);
  BOOST_TEST(!wrote.code);
  BOOST_TEST(!read.code);
  BOOST_TEST(of.at_a->operations == before);
}

BOOST_AUTO_TEST_CASE(what_has_arrived_is_read_without_the_socket) {
  streams of;
  outcome first;
  outcome second;
  outcome wrote;
  char letter = ' ';
  of.a->async_write_some(net::buffer("xy", 2), wrote.into());
  of.b->async_read_some(net::buffer(&letter, 1), first.into());
  of.pump();
  BOOST_TEST(letter == 'x');
  const auto before = of.at_b->operations;
  of.b->async_read_some(net::buffer(&letter, 1), second.into());
  BOOST_TEST(second.done == 0);
  of.pump();
  BOOST_TEST(second.done == 1);
  BOOST_TEST(letter == 'y');
  BOOST_TEST(of.at_b->operations == before);
}

BOOST_AUTO_TEST_CASE(a_cut_off_connection_is_truncated_not_ended) {
  streams of;
  outcome read;
  outcome write;
  outcome again;
  std::string heard(10, ' ');
  of.b->async_read_some(net::buffer(heard), read.into());
  of.a.reset();
  of.pump();
  BOOST_TEST((read.code == errc::truncated));
  BOOST_TEST((of.b->refusal() == errc::truncated));
  of.b->async_write_some(net::buffer("x", 1), write.into());
  of.b->async_read_some(net::buffer(heard), again.into());
  of.pump();
  BOOST_TEST((write.code == errc::truncated));
  BOOST_TEST((again.code == errc::truncated));
}

BOOST_AUTO_TEST_CASE(a_reset_connection_is_truncated_too) {
  streams of;
  of.at_b->fail_at = of.at_b->operations;
  outcome read;
  std::string heard(10, ' ');
  of.b->async_read_some(net::buffer(heard), read.into());
  of.pump();
  BOOST_TEST((read.code == errc::truncated));
}

BOOST_AUTO_TEST_CASE(a_side_that_said_goodbye_still_hears_the_other) {
  streams of;
  outcome goodbye;
  outcome end;
  outcome late;
  std::string heard(10, ' ');
  of.b->async_read_some(net::buffer(heard), end.into());
  of.a->async_shutdown(goodbye.of_goodbye());
  of.pump();
  BOOST_TEST(goodbye.done == 1);
  BOOST_TEST(!goodbye.code);
  BOOST_TEST(of.at_a->said_end);
  BOOST_TEST((end.code == net::error::eof));
  BOOST_TEST((of.b->refusal() == errc::none));
  BOOST_TEST(said(of, *of.b, *of.a, "still here") == "still here");
  of.a->async_write_some(net::buffer("x", 1), late.into());
  of.pump();
  BOOST_TEST((late.code == errc::connection_closed));
  BOOST_TEST(said(of, *of.b, *of.a, "and still") == "and still");
  // Once more is no error, and the end stays an end.
  of.a->async_shutdown(goodbye.of_goodbye());
  of.b->async_read_some(net::buffer(heard), end.into());
  of.pump();
  BOOST_TEST(!goodbye.code);
  BOOST_TEST((end.code == net::error::eof));
  BOOST_TEST(end.done == 2);
}

BOOST_AUTO_TEST_CASE(what_came_before_the_goodbye_is_delivered) {
  streams of;
  outcome wrote;
  outcome goodbye;
  of.a->async_write_some(net::buffer("last words", 10), wrote.into());
  of.pump();
  of.a->async_shutdown(goodbye.of_goodbye());
  of.pump();
  of.a.reset();
  outcome read;
  std::string heard(100, ' ');
  net::async_read(*of.b, net::buffer(heard), read.into());
  of.pump();
  BOOST_TEST((read.code == net::error::eof));
  BOOST_TEST(heard.substr(0, read.size) == "last words");
}

BOOST_AUTO_TEST_CASE(a_peer_that_answers_and_goes_is_still_heard_after_a_write_failed) {
  streams of;
  outcome answered;
  outcome goodbye;
  of.b->async_write_some(net::buffer("no more", 7), answered.into());
  of.pump();
  of.b->async_shutdown(goodbye.of_goodbye());
  of.pump();
  of.at_a->fail_at = kw::testing::script::never;
  of.b.reset();
  outcome wrote;
  of.a->async_write_some(net::buffer("request", 7), wrote.into());
  of.pump();
  BOOST_TEST((wrote.code == net::error::broken_pipe));
  BOOST_TEST((of.a->refusal() == errc::truncated));
  outcome read;
  std::string heard(100, ' ');
  net::async_read(*of.a, net::buffer(heard), read.into());
  of.pump();
  BOOST_TEST((read.code == net::error::eof));
  BOOST_TEST(heard.substr(0, read.size) == "no more");
}

BOOST_AUTO_TEST_CASE(a_cancelled_read_has_lost_nothing) {
  for (const auto type : {net::cancellation_type::terminal, net::cancellation_type::partial,
                          net::cancellation_type::total, net::cancellation_type::none}) {
    streams of;
    of.at_b->piece = 5;
    net::cancellation_signal signal;
    outcome read;
    std::string heard(10, ' ');
    of.b->async_read_some(net::buffer(heard),
                          net::bind_cancellation_slot(signal.slot(), read.into()));
    of.pump();
    // With half a record here.
    of.at_a->piece = 12;
    of.at_a->capacity = 12;
    outcome wrote;
    of.a->async_write_some(net::buffer("whole", 5), wrote.into());
    of.context.restart();
    for (int i = 0; i < 3; ++i) of.context.poll_one();
    if (type == net::cancellation_type::none)
      of.b->cancel();
    else
      signal.emit(type);
    of.pump();
    BOOST_TEST(read.done == 1);
    BOOST_TEST((read.code == net::error::operation_aborted));
    of.b->async_read_some(net::buffer(heard), read.into());
    of.pump();
    BOOST_TEST(!read.code);
    BOOST_TEST(heard.substr(0, read.size) == "whole");
  }
}

BOOST_AUTO_TEST_CASE(a_cancelled_write_says_what_it_took_and_that_goes_first) {
  for (const auto type : {net::cancellation_type::terminal, net::cancellation_type::partial,
                          net::cancellation_type::none}) {
    streams of;
    of.at_a->capacity = 5000;
    const auto data = pattern(3 * part);
    net::cancellation_signal signal;
    outcome wrote;
    of.a->async_write_some(net::buffer(data),
                           net::bind_cancellation_slot(signal.slot(), wrote.into()));
    of.pump();
    if (type == net::cancellation_type::none)
      of.a->cancel();
    else
      signal.emit(type);
    of.pump();
    BOOST_TEST(wrote.done == 1);
    BOOST_TEST((wrote.code == net::error::operation_aborted));
    BOOST_TEST(wrote.size == part);
    outcome rest;
    outcome read;
    std::string heard(data.size(), ' ');
    net::async_write(*of.a, net::buffer(data) + wrote.size, rest.into());
    net::async_read(*of.b, net::buffer(heard), read.into());
    of.pump();
    BOOST_TEST(!rest.code);
    BOOST_TEST(!read.code);
    BOOST_TEST((heard == data));
  }
}

BOOST_AUTO_TEST_CASE(a_total_cancellation_stops_no_write_that_has_begun) {
  streams of;
  of.at_a->capacity = 5000;
  const auto data = pattern(part);
  net::cancellation_signal signal;
  outcome wrote;
  of.a->async_write_some(net::buffer(data),
                         net::bind_cancellation_slot(signal.slot(), wrote.into()));
  of.pump();
  signal.emit(net::cancellation_type::total);
  of.pump();
  BOOST_TEST(wrote.done == 0);
  // A write that waits behind the rest of a cancelled one has not begun.
  signal.emit(net::cancellation_type::partial);
  of.pump();
  BOOST_TEST(wrote.size == part);
  outcome second;
  of.a->async_write_some(net::buffer("unsent", 6),
                         net::bind_cancellation_slot(signal.slot(), second.into()));
  of.pump();
  BOOST_TEST(second.done == 0);
  signal.emit(net::cancellation_type::total);
  of.pump();
  BOOST_TEST((second.code == net::error::operation_aborted));
  BOOST_TEST(second.size == 0U);
  outcome goodbye;
  outcome read;
  std::string heard(2 * part, ' ');
  of.a->async_shutdown(goodbye.of_goodbye());
  net::async_read(*of.b, net::buffer(heard), read.into());
  of.pump();
  BOOST_TEST(!goodbye.code);
  BOOST_TEST((read.code == net::error::eof));
  BOOST_TEST((heard.substr(0, read.size) == data));
}

BOOST_AUTO_TEST_CASE(a_second_operation_of_its_kind_is_refused_and_the_first_goes_on) {
  streams of;
  of.at_b->capacity = 10;
  outcome reads[2];
  outcome writes[2];
  outcome goodbye;
  std::string heard(10, ' ');
  const auto data = pattern(100);
  for (auto& each : reads) of.b->async_read_some(net::buffer(heard), each.into());
  for (auto& each : writes) of.b->async_write_some(net::buffer(data), each.into());
  of.b->async_shutdown(goodbye.of_goodbye());
  of.pump();
  BOOST_TEST(reads[0].done == 0);
  BOOST_TEST((reads[1].code == errc::invalid_argument));
  BOOST_TEST(writes[0].done == 0);
  BOOST_TEST((writes[1].code == errc::invalid_argument));
  BOOST_TEST((goodbye.code == errc::invalid_argument));
  std::string read(100, ' ');
  outcome all;
  outcome wrote;
  net::async_read(*of.a, net::buffer(read), all.into());
  of.a->async_write_some(net::buffer("x", 1), wrote.into());
  of.pump();
  BOOST_TEST((read == data));
  BOOST_TEST(writes[0].size == 100U);
  BOOST_TEST(reads[0].size == 1U);
}

BOOST_AUTO_TEST_CASE(a_silent_peer_is_cut_off_when_the_idle_time_is_over) {
  streams of;
  of.b->expires_after(std::chrono::milliseconds(20));
  outcome read;
  outcome peers;
  std::string heard(10, ' ');
  std::string there(10, ' ');
  of.a->async_read_some(net::buffer(there), peers.into());
  of.b->async_read_some(net::buffer(heard), read.into());
  BOOST_TEST_REQUIRE(run(of.context));
  BOOST_TEST((read.code == errc::timed_out));
  BOOST_TEST((of.b->refusal() == errc::timed_out));
  BOOST_TEST(of.b->refusal().value_of(kw::fact::operation) == "read");
  BOOST_TEST(!of.at_b->open);
  BOOST_TEST((peers.code == errc::truncated));
}

BOOST_AUTO_TEST_CASE(a_peer_that_stops_reading_is_cut_off_in_both_directions) {
  streams of;
  of.at_b->capacity = 1000;
  of.b->expires_after(std::chrono::milliseconds(20));
  outcome wrote;
  const auto data = pattern(part);
  of.b->async_write_some(net::buffer(data), wrote.into());
  of.b->expires_never();
  outcome read;
  std::string heard(10, ' ');
  of.b->async_read_some(net::buffer(heard), read.into());
  BOOST_TEST_REQUIRE(run(of.context));
  BOOST_TEST((wrote.code == errc::timed_out));
  BOOST_TEST((read.code == errc::timed_out));
  BOOST_TEST(!of.at_b->open);
}

BOOST_AUTO_TEST_CASE(operations_in_time_leave_no_timer_behind) {
  streams of;
  of.a->expires_after(patience * 100);
  of.b->expires_after(patience * 100);
  BOOST_TEST(said(of, *of.a, *of.b, "in time") == "in time");
  BOOST_TEST(run(of.context));
}

BOOST_AUTO_TEST_CASE(an_altered_record_is_refused_and_the_peer_is_told) {
  streams of;
  of.at_a->on_write = [](kw::mutable_bytes data) { data.back() ^= 1U; };
  outcome wrote;
  outcome read;
  outcome next;
  std::string heard(10, ' ');
  of.a->async_write_some(net::buffer("pay 1", 5), wrote.into());
  of.b->async_read_some(net::buffer(heard), read.into());
  of.pump();
  of.a->async_read_some(net::buffer(heard), next.into());
  of.pump();
  BOOST_TEST((next.code == errc::refused_by_peer));
  of.a.reset();
  of.pump();
  BOOST_TEST((read.code == errc::authentication_failed));
  BOOST_TEST(read.size == 0U);
  BOOST_TEST(!of.at_b->open);
  outcome late;
  of.b->async_write_some(net::buffer("x", 1), late.into());
  of.pump();
  BOOST_TEST((late.code == errc::authentication_failed));
}

BOOST_AUTO_TEST_CASE(a_refusal_reaches_the_peer_although_a_write_was_stuck) {
  streams of;
  of.at_b->capacity = 1000;
  outcome stuck;
  outcome read;
  const auto data = pattern(part);
  std::string heard(10, ' ');
  of.b->async_write_some(net::buffer(data), stuck.into());
  of.b->async_read_some(net::buffer(heard), read.into());
  of.pump();
  of.at_a->on_write = [](kw::mutable_bytes record) { record.back() ^= 1U; };
  outcome wrote;
  of.a->async_write_some(net::buffer("x", 1), wrote.into());
  of.pump();
  BOOST_TEST((read.code == errc::authentication_failed));
  std::string there(2 * part, ' ');
  outcome all;
  net::async_read(*of.a, net::buffer(there), all.into());
  of.pump();
  BOOST_TEST((all.code == errc::refused_by_peer));
  BOOST_TEST(all.size == part);
  of.a.reset();
  of.pump();
  BOOST_TEST((stuck.code == errc::authentication_failed));
}

BOOST_AUTO_TEST_CASE(a_stuck_write_does_not_outlive_a_refusal) {
  streams of;
  of.at_b->capacity = 1000;
  outcome stuck;
  outcome read;
  const auto data = pattern(part);
  std::string heard(10, ' ');
  of.b->async_write_some(net::buffer(data), stuck.into());
  of.b->async_read_some(net::buffer(heard), read.into());
  of.b->expires_after(std::chrono::milliseconds(20));  // for the farewell: these two have no limit
  of.pump();
  of.at_a->on_write = [](kw::mutable_bytes record) { record.back() ^= 1U; };
  outcome wrote;
  of.a->async_write_some(net::buffer("x", 1), wrote.into());
  BOOST_TEST_REQUIRE(run(of.context));
  BOOST_TEST((read.code == errc::authentication_failed));
  BOOST_TEST(stuck.done == 1);
  BOOST_TEST((stuck.code == errc::authentication_failed));
  BOOST_TEST(!of.at_b->open);
}

BOOST_AUTO_TEST_CASE(a_peer_that_is_not_welcome_any_more_is_told_so) {
  for (const bool waits : {true, false}) {
    streams of;
    outcome read;
    outcome peers;
    std::string heard(10, ' ');
    std::string there(10, ' ');
    of.a->async_read_some(net::buffer(there), peers.into());
    if (waits) of.b->async_read_some(net::buffer(heard), read.into());
    of.pump();
    of.b->refuse(kw::error(errc::not_permitted).with(kw::fact::name, "a"));
    if (!waits) of.b->async_write_some(net::buffer(heard), read.into());
    of.pump();
    BOOST_TEST((peers.code == errc::refused_by_peer));
    BOOST_TEST(of.a->refusal().value_of(kw::fact::alert) == "access_denied");
    of.a.reset();
    of.pump();
    BOOST_TEST(read.done == 1);
    BOOST_TEST((read.code == errc::not_permitted));
    BOOST_TEST(of.b->refusal().value_of(kw::fact::name) == "a");
  }
}

BOOST_AUTO_TEST_CASE(a_destroyed_stream_completes_what_is_in_flight) {
  streams of;
  of.at_b->capacity = 1000;
  outcome read;
  outcome wrote;
  std::string heard(10, ' ');
  const auto data = pattern(part);
  of.b->async_read_some(net::buffer(heard), read.into());
  of.b->async_write_some(net::buffer(data), wrote.into());
  of.pump();
  of.b.reset();
  of.pump();
  BOOST_TEST((read.code == net::error::operation_aborted));
  BOOST_TEST((wrote.code == net::error::operation_aborted));
  BOOST_TEST(!of.at_b->open);
}

BOOST_AUTO_TEST_CASE(a_moved_stream_keeps_its_operations) {
  streams of;
  outcome read;
  std::string heard(10, ' ');
  of.b->async_read_some(net::buffer(heard), read.into());
  stream elsewhere(std::move(*of.b));
  of.b = std::move(elsewhere);
  outcome wrote;
  of.a->async_write_some(net::buffer("moved", 5), wrote.into());
  of.pump();
  BOOST_TEST(heard.substr(0, read.size) == "moved");
}

BOOST_AUTO_TEST_SUITE_END()

/// A session that its owner may drop from any thread, as an endpoint's connections are.
struct drop_list {
  std::mutex guard;
  std::function<void()> wake;
  bool dropped = false;
  bool abandoned = false;
  std::size_t replies = 0;  // bytes that it owes for each reading

  void drop() {
    std::function<void()> told;
    {
      const std::scoped_lock held(guard);
      dropped = true;
      told = wake;
    }
    if (told) told();
  }
};

class watched_session {
 public:
  watched_session(transport::session made, std::shared_ptr<drop_list> list)
      : session_(std::move(made)), list_(std::move(list)) {}

  kw::result<void> receive(kw::bytes_view data) {
    const std::scoped_lock held(list_->guard);
    if (list_->dropped) session_.refuse(errc::not_permitted);
    owed_.resize(owed_.size() + list_->replies);
    return session_.receive(data);
  }
  kw::bytes_view received() const { return session_.received(); }
  void consume(std::size_t count) { session_.consume(count); }
  kw::result<void> send(kw::bytes_view data) { return session_.send(data); }
  kw::bytes_view outgoing() const {
    return owed_.empty() ? session_.outgoing() : kw::bytes_view(owed_);
  }
  void sent(std::size_t count) { session_.sent(count); }
  kw::result<void> close() { return session_.close(); }
  bool peer_closed() const { return session_.peer_closed(); }
  void refuse(kw::error why) {
    owed_.clear();
    session_.refuse(std::move(why));
  }
  const kw::auth::proof& proof() const { return session_.proof(); }
  transport::negotiation protection() const { return session_.protection(); }
  void on_drop(std::function<void()> wake) {
    const std::scoped_lock held(list_->guard);
    list_->wake = std::move(wake);
  }

 private:
  transport::session session_;
  std::shared_ptr<drop_list> list_;
  kw::bytes owed_;
};

class watched_handshake {
 public:
  watched_handshake(transport::handshake begun, std::shared_ptr<drop_list> list)
      : handshake_(std::move(begun)), list_(std::move(list)) {}

  kw::result<void> receive(kw::bytes_view data) { return handshake_.receive(data); }
  kw::bytes_view outgoing() const { return handshake_.outgoing(); }
  void sent(std::size_t count) { handshake_.sent(count); }
  bool finished() const { return handshake_.finished(); }
  const kw::auth::proof* proof() const { return handshake_.proof(); }
  void refuse(kw::error why) { handshake_.refuse(std::move(why)); }
  void abandon(const kw::error& /*why*/) { list_->abandoned = true; }
  kw::result<watched_session> finish() && {
    auto made = std::move(handshake_).finish();
    if (!made) return made.error();
    return watched_session(std::move(*made), list_);
  }

 private:
  transport::handshake handshake_;
  std::shared_ptr<drop_list> list_;
};

struct watched {
  using stream_type = transport::stream_of<watched_handshake, scripted_stream>;

  net::io_context context;
  std::pair<scripted_stream, scripted_stream> ends = scripted_stream::connected(context);
  std::shared_ptr<drop_list> list = std::make_shared<drop_list>();
  std::optional<stream> a;
  std::optional<stream_type> b;

  watched() {
    transport::async_handshake(
        std::move(ends.first), instances::connect(cast().at_a), patience,
        on_stream([&](kw::result<stream> made) { a.emplace(std::move(made).value()); }));
    transport::async_handshake(
        std::move(ends.second), watched_handshake(instances::accept(cast().at_b), list), patience,
        [&](kw::result<stream_type> made) { b.emplace(std::move(made).value()); });
    pump(context);
  }
};

BOOST_AUTO_TEST_SUITE(asio_stream_of_any_session)

BOOST_AUTO_TEST_CASE(a_session_dropped_from_another_thread_ends_a_waiting_read) {
  watched of;
  outcome read;
  outcome peers;
  std::string heard(10, ' ');
  std::string there(10, ' ');
  of.b->async_read_some(net::buffer(heard), read.into());
  of.a->async_read_some(net::buffer(there), peers.into());
  pump(of.context);
  std::thread([&] { of.list->drop(); }).join();
  pump(of.context);
  BOOST_TEST((peers.code == errc::refused_by_peer));
  of.a.reset();
  pump(of.context);
  BOOST_TEST((read.code == errc::not_permitted));
}

BOOST_AUTO_TEST_CASE(a_drop_after_the_stream_has_gone_does_nothing) {
  watched of;
  of.b.reset();
  of.list->drop();
  pump(of.context);
  BOOST_TEST(!of.b.has_value());
}

BOOST_AUTO_TEST_CASE(a_peer_that_asks_for_replies_without_end_is_refused) {
  watched of;
  of.list->replies = 100000;
  outcome read;
  outcome wrote;
  std::string heard(10, ' ');
  net::async_read(*of.b, net::buffer(heard), read.into());
  for (int i = 0; i < 3 && read.done == 0; ++i) {
    of.a->async_write_some(net::buffer("x", 1), wrote.into());
    pump(of.context);
  }
  of.a.reset();
  pump(of.context);
  BOOST_TEST((read.code == errc::limit_exceeded));
}

BOOST_AUTO_TEST_CASE(a_handshake_that_is_given_up_is_told) {
  net::io_context context;
  auto ends = scripted_stream::connected(context);
  auto list = std::make_shared<drop_list>();
  std::optional<errc> fate;
  transport::async_handshake(
      std::move(ends.second), watched_handshake(instances::accept(cast().at_b), list), patience,
      [&](const kw::result<watched::stream_type>& made) { fate = made.error().code(); });
  pump(context);
  error_code ignored;
  ends.first.close(ignored);
  pump(context);
  BOOST_TEST((fate == errc::truncated));
  BOOST_TEST(list->abandoned);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(asio_handshake)

BOOST_AUTO_TEST_CASE(a_silent_stranger_is_cut_off_at_the_deadline) {
  net::io_context context;
  auto ends = scripted_stream::connected(context);
  const auto told = ends.second.told();
  fate made;
  transport::async_handshake(std::move(ends.second), instances::accept(cast().at_b),
                             std::chrono::milliseconds(20), into(made));
  BOOST_TEST_REQUIRE(run(context));
  BOOST_TEST(refused_as(errc::timed_out, *made));
  BOOST_TEST(made->error().value_of(kw::fact::operation) == "handshake");
  BOOST_TEST(!told->open);
}

BOOST_AUTO_TEST_CASE(a_byte_at_a_time_does_not_move_the_deadline) {
  net::io_context context;
  auto ends = scripted_stream::connected(context);
  fate made;
  transport::async_handshake(std::move(ends.second), instances::accept(cast().at_b),
                             std::chrono::milliseconds(40), into(made));
  // A true hello of more than a thousand bytes, one each 2 ms: it would take seconds.
  auto hello = instances::connect(cast().at_a);
  const auto all = kw::to_bytes(hello.outgoing());
  BOOST_TEST_REQUIRE(all.size() > 1000U);
  std::size_t at = 0;
  net::steady_timer beat(context);
  std::function<void()> drip = [&] {
    ends.first.async_write_some(net::buffer(&all[at], 1),
                                on_bytes([&](error_code ended, std::size_t) {
                                  if (ended || ++at == all.size()) return;
                                  beat.expires_after(std::chrono::milliseconds(2));
                                  beat.async_wait([&](error_code) { drip(); });
                                }));
  };
  drip();
  BOOST_TEST_REQUIRE(run(context));
  BOOST_TEST(refused_as(errc::timed_out, *made));
  BOOST_TEST(at > 2U);
  BOOST_TEST(at < all.size());
}

BOOST_AUTO_TEST_CASE(a_refused_stranger_reads_the_alert_whatever_it_has_sent_meanwhile) {
  net::io_context context;
  auto ends = scripted_stream::connected(context);
  const auto told = ends.second.told();
  fate acceptor;
  std::optional<stream> connector;
  outcome wrote;
  outcome read;
  const auto data = pattern(40000);
  std::string heard(10, ' ');
  transport::async_handshake(std::move(ends.first), instances::connect(cast().stranger), patience,
                             on_stream([&](kw::result<stream> made) {
                               connector.emplace(std::move(made).value());
                               net::async_write(*connector, net::buffer(data), wrote.into());
                             }));
  transport::async_handshake(std::move(ends.second), instances::accept(cast().at_b), patience,
                             into(acceptor));
  pump(context);
  BOOST_TEST_REQUIRE(connector.has_value());
  connector->async_read_some(net::buffer(heard), read.into());
  pump(context);
  BOOST_TEST((read.code == errc::refused_by_peer));
  BOOST_TEST(connector->refusal().value_of(kw::fact::alert) == "access_denied");
  connector.reset();
  pump(context);
  BOOST_TEST_REQUIRE(acceptor.has_value());
  BOOST_TEST(refused_as(errc::peer_unknown, *acceptor));
  BOOST_TEST(!told->open);
}

BOOST_AUTO_TEST_CASE(a_refused_stranger_is_not_listened_to_for_ever) {
  for (const bool talks : {true, false}) {
    net::io_context context;
    auto ends = scripted_stream::connected(context);
    fate acceptor;
    transport::async_handshake(std::move(ends.second), instances::accept(cast().at_b),
                               std::chrono::milliseconds(talks ? 30000 : 200), into(acceptor));
    const auto junk = "GET / HTTP/1.1\r\n" + pattern(4096);
    std::size_t sent = 0;
    on_bytes talk = [&](error_code ended, std::size_t count) {
      sent += count;
      if (talks && !ended) ends.first.async_write_some(net::buffer(junk), talk);
    };
    ends.first.async_write_some(net::buffer(junk), talk);
    if (talks) {
      pump(context);
      BOOST_TEST(sent < 300000U);
    } else {
      BOOST_TEST_REQUIRE(run(context));
    }
    BOOST_TEST_REQUIRE(acceptor.has_value());
    BOOST_TEST(refused_as(errc::handshake_failed, *acceptor));
  }
}

BOOST_AUTO_TEST_CASE(a_peer_that_refused_and_went_is_heard_although_writing_failed) {
  net::io_context context;
  auto ends = scripted_stream::connected(context);
  const std::array<std::uint8_t, 7> access_denied{21, 3, 3, 0, 2, 2, 49};
  outcome wrote;
  ends.second.async_write_some(net::buffer(access_denied), wrote.into());
  pump(context);
  error_code ignored;
  ends.second.close(ignored);
  fate made;
  transport::async_handshake(std::move(ends.first), instances::connect(cast().at_a), patience,
                             into(made));
  pump(context);
  BOOST_TEST_REQUIRE(made.has_value());
  BOOST_TEST(refused_as(errc::refused_by_peer, *made));
  BOOST_TEST(made->error().value_of(kw::fact::alert) == "access_denied");
}

BOOST_AUTO_TEST_CASE(a_cancelled_handshake_closes_the_socket) {
  net::io_context context;
  auto ends = scripted_stream::connected(context);
  const auto told = ends.second.told();
  net::cancellation_signal signal;
  fate made;
  transport::async_handshake(std::move(ends.second), instances::accept(cast().at_b), patience,
                             net::bind_cancellation_slot(signal.slot(), into(made)));
  pump(context);
  BOOST_TEST(!made.has_value());
  signal.emit(net::cancellation_type::terminal);
  pump(context);
  BOOST_TEST_REQUIRE(made.has_value());
  BOOST_TEST(refused_as(errc::connection_closed, *made));
  BOOST_TEST(!told->open);
  BOOST_TEST(run(context));  // and no timer is left
}

BOOST_AUTO_TEST_SUITE_END()

/// A whole connection from one side: handshake, 40,000 bytes each way at once, goodbye. Whatever
/// fails, it ends.
class participant {
 public:
  participant(scripted_stream socket, transport::handshake handshake) {
    data_ = pattern(40000);
    heard_.resize(data_.size());
    transport::async_handshake(std::move(socket), std::move(handshake), patience,
                               on_stream([this](kw::result<stream> made) {
                                 --open_;
                                 if (!made) return;
                                 stream_.emplace(std::move(*made));
                                 talk();
                               }));
  }
  [[nodiscard]] bool ended() const { return open_ == 0; }
  [[nodiscard]] bool succeeded() const { return ended() && goodbyes_ == 2 && heard_ == data_; }

 private:
  void talk() {
    open_ = 2;
    net::async_write(*stream_, net::buffer(data_), on_bytes([this](error_code failed, std::size_t) {
      if (failed) return end();
      stream_->async_shutdown(on_goodbye([this](error_code unheard) {
        if (!unheard) ++goodbyes_;
        unheard ? end() : leave();
      }));
    }));
    net::async_read(*stream_, net::buffer(heard_), on_bytes([this](error_code failed, std::size_t) {
      if (failed) return end();
      stream_->async_read_some(net::buffer(&more_, 1),
                               on_bytes([this](error_code outcome, std::size_t) {
                                 const bool clean = outcome == net::error::eof;
                                 if (clean) ++goodbyes_;
                                 clean ? leave() : end();
                               }));
    }));
  }
  void end() {
    stream_->cancel();
    error_code ignored;
    stream_->lowest_layer().close(ignored);
    leave();
  }
  void leave() {
    if (--open_ == 0) stream_.reset();
  }

  std::string data_;
  std::string heard_;
  char more_ = ' ';
  std::optional<stream> stream_;
  int open_ = 1;
  int goodbyes_ = 0;
};

BOOST_AUTO_TEST_SUITE(asio_faults)

BOOST_AUTO_TEST_CASE(whichever_operation_fails_everything_ends) {
  const error_code faults[] = {net::error::connection_reset, net::error::eof, net::error::no_memory,
                               net::error::operation_aborted};
  for (const bool acceptor_fails : {false, true})
    for (const auto& fault : faults) {
      bool whole = false;
      std::size_t at = 0;
      for (; !whole && at < 200; ++at) {
        net::io_context context;
        auto ends = scripted_stream::connected(context);
        const auto told = acceptor_fails ? ends.second.told() : ends.first.told();
        told->fail_at = at;
        told->fault = fault;
        ends.first.told()->piece = ends.second.told()->piece = 9000;
        participant connector(std::move(ends.first), instances::connect(cast().at_a));
        participant acceptor(std::move(ends.second), instances::accept(cast().at_b));
        pump(context);
        BOOST_TEST(connector.ended());
        BOOST_TEST(acceptor.ended());
        BOOST_TEST(!(told->operations > at && (acceptor_fails ? acceptor : connector).succeeded()));
        whole = connector.succeeded() && acceptor.succeeded();
        BOOST_TEST(run(context));
      }
      BOOST_TEST(whole);
      BOOST_TEST(at > 10U);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace asio_stream_test

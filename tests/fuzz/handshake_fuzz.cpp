// Whatever a stranger says: no handshake is finished by it, nobody is judged, and a session takes
// nothing but what its peer said.
//
// The first byte says who hears the rest. 'a': an acceptor and 'c': a connector, as it is. 'A', 'C'
// and 'S': as the content of records, each a type, a length of two bytes and so much content, that
// a hostile peer protects under keys which it agreed on honestly, towards an acceptor, a connector,
// and the session of a connector that was let in. Upper case reaches what is behind encryption.

#include <keywarden/transport/session.hpp>

#include "fuzz/property.hpp"
#include "support/hostile_world.hpp"

using namespace keywarden;
using namespace keywarden::fuzz;
using namespace keywarden::testing::hostile;

namespace {

const world& here() {
  static const world made;
  return made;
}

void check_handshake(const transport::handshake& ours, const result<void>& fate, int judged) {
  static_cast<void>(
      settled(fate, {errc::handshake_failed, errc::peer_unproven, errc::encryption_refused,
                     errc::refused_by_peer, errc::limit_exceeded}));
  require(!ours.finished(), "nobody gets in without a proof");
  require(here().authenticator.judged() == judged, "nobody is judged before its Finished");
}

/// In pieces, whose sizes come from the input as well.
void feed(transport::handshake ours, bytes_view input) {
  const auto judged = here().authenticator.judged();
  const std::size_t piece = input.empty() || input[0] % 2 == 0 ? input.size() + 1 : 100;
  result<void> fate = done();
  for (std::size_t at = 0; fate && at < input.size(); at += piece)
    fate = ours.receive(input.subspan(at, std::min(piece, input.size() - at)));
  check_handshake(ours, fate, judged);
  require(ours.outgoing().size() < 16384, "an answer is of bounded size");
}

/// Gives `say` each record's type and content.
template <class Say>
void for_each_record(bytes_view input, const Say& say) {
  for (int count = 0; input.size() >= 3 && count < 200; ++count) {
    const auto size = std::min<std::size_t>(input[1] * 256U + input[2], input.size() - 3);
    say(static_cast<content>(input[0]), input.subspan(3, size));
    input = input.subspan(3 + size);
  }
}

void feed_sealed_acceptor(bytes_view input) {
  const auto judged = here().authenticator.judged();
  client theirs(here().them, [&](client& self) {
    for_each_record(input, [&](content type, bytes_view inside) {
      if (inside.size() <= 16384) self.say(type, inside);
    });
  });
  auto acceptor = here().accept();
  const auto fate = duel(acceptor, theirs.start());
  check_handshake(acceptor, fate, judged);
  require(theirs.data().empty(), "nothing is said to a stranger");
}

void feed_sealed_connector(bytes_view input) {
  const auto judged = here().authenticator.judged();
  server theirs(here().them, [&](server& self) {
    self.say_hello();
    for_each_record(input, [&](content type, bytes_view inside) {
      if (inside.size() <= 16384) self.say(type, inside);
    });
  });
  auto connector = here().connect();
  const auto fate = duel(connector, theirs);
  check_handshake(connector, fate, judged);
  require(theirs.shown_chain().empty(), "nothing is shown to a stranger");
}

void feed_session(bytes_view input) {
  client theirs(here().them);
  auto handshake = here().accept();
  duel(handshake, theirs.start()).value();
  auto session = std::move(handshake).finish().value();
  std::string said;
  for_each_record(input, [&](content type, bytes_view inside) {
    if (inside.size() > 16384 || type == content{}) return;  // 0 is padding
    theirs.say(type, inside);
    if (type == content::data) said += as_text(inside);
  });
  const auto fate = duel(session, theirs);
  const auto received = as_text(session.received());
  if (settled(fate, {errc::malformed, errc::authentication_failed, errc::refused_by_peer}))
    require(session.peer_closed() ? said.starts_with(received) : said == received,
            "a session delivers what was said, all of it and in order");
  else
    require(received.empty(), "a session that was ended delivers nothing");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const bytes_view input(data, size);
  if (input.empty()) return 0;
  const auto rest = input.subspan(1);
  switch (input[0]) {
    case 'A':
      feed_sealed_acceptor(rest);
      break;
    case 'C':
      feed_sealed_connector(rest);
      break;
    case 'S':
      feed_session(rest);
      break;
    case 'c':
      feed(here().connect(), rest);
      break;
    default:
      feed(here().accept(), rest);
  }
  return 0;
}

/// @file
/// The witness: who is the principal, and may its mirror take over? A state machine without sockets
/// or clock.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include <keywarden/core/result.hpp>

#include "messages.hpp"

namespace mirroring {

/// What the witness keeps on disk.
struct ballot {
  std::uint64_t term = 0;
  node principal = node::host_a;  ///< of that term; who may be the first, while the term is 0
  bool synchronized = false;      ///< the mirror has every write that was acknowledged
  std::uint64_t number = 0;       ///< of the report that said so, within the term
  friend bool operator==(const ballot&, const ballot&) = default;
};

/// A message on its way out.
struct outgoing_message {
  node to;
  message what;
};

/// Decides who may be the principal of the next term. `Record` has `ballot load()` and
/// `void save(const ballot&)`, which returns once it is on disk and throws otherwise.
///
/// The rule that no acknowledged write is lost rests on: a term is given away once, and only to the
/// principal of the term before it or to a mirror of which that principal last said that it is
/// synchronized. That the principal seems to be gone is asked only so that nobody takes over
/// needlessly.
template <class Record>
class witness {
 public:
  explicit witness(Record& record) : record_(record), ballot_(record.load()) {}

  void connected(node peer) { say(peer, hello{ballot_.term, false, {}}); }
  void disconnected(node peer) { acts(peer) = false; }

  /// Errors: `malformed` for what no partner says: end that connection.
  [[nodiscard]] keywarden::result<void> received(node peer, const message& what) {
    return std::visit([&](const auto& each) { return on(peer, each); }, what);
  }

  /// What is to be sent now; everything it rests on is on disk.
  [[nodiscard]] std::vector<outgoing_message> take_outgoing() {
    return std::exchange(outgoing_, {});
  }
  [[nodiscard]] const ballot& present() const noexcept { return ballot_; }

 private:
  using fate = keywarden::result<void>;

  fate on(node peer, const hello& said) {
    // A partner cannot know a term that was never given away: this witness lost its record (say, an
    // old backup was restored), and whatever it granted now could lose writes.
    if (said.term > ballot_.term) return refuse("a term that this witness never gave away");
    acts(peer) = said.principal && said.term == ballot_.term && peer == ballot_.principal;
    return keywarden::done();
  }
  fate on(node peer, const take_over& wish) {
    if (wish.term > ballot_.term) return refuse("a term that this witness never gave away");
    if (wish.term < ballot_.term) return tell_term(peer);  // asked before it knew; it may ask again
    const bool entitled =
        peer == ballot_.principal || (ballot_.synchronized && !acts(ballot_.principal));
    if (!entitled) return keywarden::done();
    change({ballot_.term + 1, peer, false, 0});
    acting_ = {};
    acts(peer) = true;
    say(peer, granted{ballot_.term});
    return keywarden::done();
  }
  fate on(node peer, const report& said) {
    if (said.term > ballot_.term) return refuse("a term that this witness never gave away");
    if (said.term < ballot_.term) return tell_term(peer);  // it steps down
    if (peer != ballot_.principal) return refuse("a report by another than the principal");
    if (said.number < ballot_.number) return keywarden::done();  // overtaken by a later one
    if (said.number > ballot_.number) change({ballot_.term, peer, said.synchronized, said.number});
    say(peer, recorded{ballot_.term, ballot_.number});
    return keywarden::done();
  }
  template <class Other>
  fate on(node /*peer*/, const Other& /*said*/) {
    return refuse("not for a witness");
  }

  fate tell_term(node peer) {
    say(peer, hello{ballot_.term, false, {}});
    return keywarden::done();
  }
  [[nodiscard]] static fate refuse(const char* why) {
    return keywarden::error(keywarden::errc::malformed)
        .with(keywarden::fact::kind, "message")
        .with(keywarden::fact::reason, why);
  }
  void change(const ballot& to) {
    record_.save(to);
    ballot_ = to;
  }
  void say(node to, message what) { outgoing_.push_back({to, std::move(what)}); }
  [[nodiscard]] bool& acts(node peer) { return acting_.at(static_cast<std::size_t>(peer)); }

  Record& record_;
  ballot ballot_;
  std::array<bool, 3> acting_{};  ///< who is connected and says it is the principal
  std::vector<outgoing_message> outgoing_;
};

}  // namespace mirroring

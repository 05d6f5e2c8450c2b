/// @file
/// A partner: principal or mirror of one database. A state machine without sockets or clock.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include <keywarden/core/result.hpp>

#include "messages.hpp"
#include "witness.hpp"

namespace mirroring {

/// A concept matching a partner's disk: the database, its log and the highest term known. Every
/// change is on disk when its function returns, wholly or not at all if the process dies; a
/// function that throws has changed nothing, and ends the process. Satisfied by `replica`.
template <class T>
concept journal = requires(T& to, const T& seen, position at, const bytes& change,
                           const typename T::command& command, std::uint64_t number) {
  { seen.term() } -> std::same_as<std::uint64_t>;
  to.save_term(number);
  { seen.last() } -> std::same_as<position>;  // {0, 0} while there is no entry
  // The last entry whose number and term are not above these; {0, 0} if there is none.
  { seen.newest(at) } -> std::same_as<position>;
  { seen.change(number) } -> std::same_as<bytes>;
  to.originate(number, command);  // carries it out and logs the change, as the next entry of a term
  to.apply(at, change);           // carries out another's entry, the next one
  to.roll_back_to(number);        // undoes the entries above this number, last first
};

/// Synchronous mirroring with a quorum of two out of three.
///
/// A principal acknowledges an entry when its mirror has stored it, or when the witness has
/// recorded in this term that the mirror must not take over and is still there. A term is one
/// instance's time as principal, from the witness's grant until it learns of a higher one or ends;
/// after a restart it asks for the next. Whoever is the principal of the highest term decides what
/// the log is: the mirror rolls back what differs, which nobody was ever told is kept.
template <journal Journal>
class partner {
 public:
  static constexpr std::uint64_t window = 64;     ///< entries on their way to the mirror
  static constexpr std::uint64_t backlog = 1024;  ///< entries that wait for acknowledgement

  partner(node self, Journal& disk)
      : self_(self), other_(self == node::host_a ? node::host_b : node::host_a), journal_(disk) {
    term_ = journal_.term();
  }

  void connected(node peer) {
    if (peer == node::witness) {
      witness_up_ = true;
      say(peer, mine());
      if (principal_) say(peer, report_);  // asks for its confirmation anew, too
    } else {
      other_up_ = true;
      if (principal_) say(peer, mine());
    }
  }
  void disconnected(node peer) {
    if (peer == node::witness) {
      witness_up_ = witness_confirmed_ = asked_ = false;
    } else {
      other_up_ = false;
      forget_other();
    }
    review();
  }
  /// Some time has passed: whoever knows of no principal asks to be it. The caller decides how much
  /// time; what is safe does not depend on it.
  void timeout() {
    if (principal_ || other_principal_ || !witness_up_) return;
    asked_ = true;
    say(node::witness, take_over{term_});
  }
  /// Errors: `malformed` for what this peer has no reason to say: end that connection.
  [[nodiscard]] keywarden::result<void> received(node peer, const message& what) {
    auto taken = std::visit(
        [&](const auto& each) {
          return peer == node::witness ? by_witness(each) : by_partner(each);
        },
        what);
    review();
    return taken;
  }
  /// A client's write: its number in the log, once it is on this disk. It is acknowledged when
  /// `acknowledged()` reaches that number in the same term. None: this is not the principal, or
  /// nobody is there to acknowledge with.
  [[nodiscard]] std::optional<std::uint64_t> write(const typename Journal::command& command) {
    if (!serves() || journal_.last().lsn - acknowledged_ >= backlog) return std::nullopt;
    journal_.originate(term_, command);
    const auto made = journal_.last().lsn;
    review();
    return made;
  }

  [[nodiscard]] std::vector<outgoing_message> take_outgoing() {
    return std::exchange(outgoing_, {});
  }
  [[nodiscard]] bool is_principal() const noexcept { return principal_; }
  /// Whether writes are taken: with neither partner nor witness, they are not.
  [[nodiscard]] bool serves() const noexcept { return principal_ && (other_up_ || witness_up_); }
  /// Whether the witness knows that the mirror has everything, so that it may take over.
  [[nodiscard]] bool is_synchronized() const noexcept {
    return principal_ && report_.synchronized && confirmed_ == report_.number && mirror_matches();
  }
  [[nodiscard]] std::uint64_t term() const noexcept { return term_; }
  /// The entries up to this number are never lost.
  [[nodiscard]] std::uint64_t acknowledged() const noexcept { return acknowledged_; }

 private:
  using fate = keywarden::result<void>;
  enum class finding : std::uint8_t { nothing, seeking, matches };

  // What the other partner says. A term above ours is learned before anything else.
  fate by_partner(const hello& said) {
    learn(said.term);
    if (principal_ && said.principal && said.term == term_) return refuse("two principals");
    if (said.term == term_ && said.principal != other_principal_) {
      other_principal_ = said.principal;
      following_ = false;
    }
    if (said.principal) say(other_, mine());  // where our log ends, or that its term is over
    if (principal_ && said.term == term_ && mirror_ == finding::nothing) {
      mirror_ = finding::seeking;
      seek(said.last);
    }
    return keywarden::done();
  }
  fate by_partner(const probe& said) {
    if (said.term < term_) return keywarden::done();
    if (said.term > term_ || !other_principal_ || following_) return refuse("a probe");
    // Not so: these are two different databases, and nothing of either must be rolled back.
    if (journal_.newest(said.at) != said.at) return refuse("a common entry that is not here");
    if (journal_.last() != said.at) journal_.roll_back_to(said.at.lsn);
    following_ = true;
    say(other_, stored{term_, said.at.lsn});
    return keywarden::done();
  }
  fate by_partner(const append& said) {
    if (said.term < term_) return keywarden::done();
    const auto last = journal_.last();
    if (said.term > term_ || !following_ || said.at.lsn != last.lsn + 1 ||
        said.at.term < last.term || said.at.term > term_)
      return refuse("an entry");
    journal_.apply(said.at, said.change);
    say(other_, stored{term_, said.at.lsn});
    return keywarden::done();
  }
  fate by_partner(const stored& said) {
    if (said.term < term_ || !principal_) return keywarden::done();
    const bool expected = mirror_ == finding::seeking   ? said.lsn == sent_
                          : mirror_ == finding::matches ? said.lsn >= stored_ && said.lsn <= sent_
                                                        : false;
    if (said.term > term_ || !expected) return refuse("a confirmation");
    mirror_ = finding::matches;
    stored_ = said.lsn;
    return keywarden::done();
  }
  template <class Other>
  fate by_partner(const Other& /*said*/) {
    return refuse("not for a partner");
  }

  // What the witness says.
  fate by_witness(const hello& said) {
    // Less than ours is old news: the other partner told us first. A witness that lost its record
    // finds that out by itself, from our greeting.
    learn(said.term);
    return keywarden::done();
  }
  fate by_witness(const granted& said) {
    if (!asked_ || principal_ || said.term != term_ + 1) return keywarden::done();  // too late
    journal_.save_term(said.term);
    term_ = said.term;
    principal_ = true;
    forget_other();
    // The grant itself records that the other must not take over. So what is in this log now is in
    // every later principal's, and a client of an earlier term would have been told the truth.
    report_ = {term_, 0, false};
    confirmed_ = 0;
    witness_confirmed_ = true;
    acknowledged_ = journal_.last().lsn;
    if (other_up_) say(other_, mine());
    return keywarden::done();
  }
  fate by_witness(const recorded& said) {
    if (!principal_ || said.term != term_) return keywarden::done();
    if (said.number > report_.number) return refuse("a report that was not made");
    if (said.number == report_.number) {
      confirmed_ = said.number;
      witness_confirmed_ = true;
    }
    return keywarden::done();
  }
  template <class Other>
  fate by_witness(const Other& /*said*/) {
    return refuse("not for a witness to say");
  }

  /// A higher term begins: whoever was the principal is not.
  void learn(std::uint64_t term) {
    if (term <= term_) return;
    journal_.save_term(term);
    term_ = term;
    forget_other();
    if (!std::exchange(principal_, false)) return;
    acknowledged_ = 0;
    if (other_up_) say(other_, mine());
    if (witness_up_) say(node::witness, mine());
  }
  void forget_other() noexcept {
    other_principal_ = following_ = false;
    mirror_ = finding::nothing;
    sent_ = stored_ = 0;
  }

  /// Where the mirror's log leaves ours. What it has and we have not, it wrote as the principal of
  /// a term before ours, after the last entry it sent us: so our last entry that is above its last
  /// one in neither number nor term is in both logs, and no search is needed.
  void seek(position theirs) {
    const auto common = journal_.newest(theirs);
    sent_ = common.lsn;
    say(other_, probe{term_, common});
  }

  /// Everything a principal decides, after everything that happens.
  void review() {
    if (!principal_) return;
    const auto last = journal_.last().lsn;
    if (mirror_matches())
      for (; sent_ < last && sent_ - stored_ < window; ++sent_) {
        // The log's own terms go along: an entry keeps the position it was made with.
        const auto at = journal_.newest({sent_ + 1, term_});
        say(other_, append{term_, at, journal_.change(at.lsn)});
      }
    // The mirror may take over from the moment the witness records it: so before it is asked to,
    // nothing is acknowledged that the mirror lacks, and from then on nothing without the mirror.
    if (!report_.synchronized && mirror_matches() && stored_ >= acknowledged_ && witness_up_)
      tell_witness(true);
    else if (report_.synchronized && !other_up_)
      tell_witness(false);
    if (mirror_matches()) acknowledged_ = std::max(acknowledged_, stored_);
    if (may_acknowledge_alone(last)) acknowledged_ = last;
  }
  [[nodiscard]] bool mirror_matches() const noexcept { return mirror_ == finding::matches; }
  [[nodiscard]] bool may_acknowledge_alone(std::uint64_t last) const noexcept {
    const bool mirror_is_close = mirror_matches() && sent_ == last;  // then it shall catch up
    return !report_.synchronized && confirmed_ == report_.number && witness_confirmed_ &&
           !mirror_is_close;
  }
  void tell_witness(bool synchronized) {
    report_ = {term_, report_.number + 1, synchronized};
    if (witness_up_) say(node::witness, report_);
  }

  [[nodiscard]] hello mine() const { return {term_, principal_, journal_.last()}; }
  void say(node to, message what) { outgoing_.push_back({to, std::move(what)}); }
  [[nodiscard]] static fate refuse(const char* what) {
    return keywarden::error(keywarden::errc::malformed)
        .with(keywarden::fact::kind, "message")
        .with(keywarden::fact::reason, std::string("out of place: ") + what);
  }

  node self_;
  node other_;
  Journal& journal_;
  std::uint64_t term_ = 0;
  bool principal_ = false;
  bool other_up_ = false;
  bool witness_up_ = false;
  bool asked_ = false;  ///< the witness was asked for the next term, on this connection

  // As a mirror.
  bool other_principal_ = false;  ///< the other partner is the principal of our term
  bool following_ = false;        ///< our log is a beginning of its log

  // As the principal.
  finding mirror_ = finding::nothing;
  std::uint64_t sent_ = 0;          ///< to the mirror; while seeking, what was probed
  std::uint64_t stored_ = 0;        ///< by the mirror, on disk
  report report_;                   ///< the last one
  std::uint64_t confirmed_ = 0;     ///< the last report that the witness recorded
  bool witness_confirmed_ = false;  ///< on this connection: it is there and knows no higher term
  std::uint64_t acknowledged_ = 0;

  std::vector<outgoing_message> outgoing_;
};

}  // namespace mirroring

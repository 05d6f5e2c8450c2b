// The protocol of examples/database_mirroring, without disks, sockets or clock: thousands of random
// schedules of writes, crashes, cut connections and delays. After every single step it is checked
// that no acknowledged write can be lost any more.
#include "../../examples/database_mirroring/partner.hpp"

#include <array>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>

#include <boost/test/unit_test.hpp>

#include "../../examples/database_mirroring/witness.hpp"
#include "support/refusals.hpp"

namespace keywarden::testing {
namespace mirroring_protocol_test {

using mirroring::ballot;
using mirroring::message;
using mirroring::node;
using mirroring::position;

struct crashed {};
struct violated {
  std::string what;
};

/// Ways to break what the protocol rests on, to see that the simulation notices.
enum class fault { none, forgetful_mirror, forgetful_witness, witness_grants_anyone };

/// Counts down to the crash of a node in the middle of what it does.
class fuse {
 public:
  void light(std::size_t writes) { left_ = writes; }
  void put_out() { left_.reset(); }
  /// Called before and after every write to a disk.
  void burn() {
    if (left_ && (*left_)-- == 0) {
      left_.reset();
      throw crashed();
    }
  }

 private:
  std::optional<std::size_t> left_;
};

struct entry {
  position at;
  bytes change;
  friend bool operator==(const entry&, const entry&) = default;
};

/// A partner's disk.
class disk {
 public:
  using command = bytes;

  [[nodiscard]] std::uint64_t term() const { return term_; }
  void save_term(std::uint64_t term) {
    write([&] { term_ = term; });
  }
  [[nodiscard]] position last() const { return log_.empty() ? position{} : log_.back().at; }
  [[nodiscard]] position newest(position at) const {
    position found;
    for (const auto& each : log_)
      if (each.at.lsn <= at.lsn && each.at.term <= at.term) found = each.at;
    return found;
  }
  [[nodiscard]] bytes change(std::uint64_t lsn) const { return log_.at(lsn - 1).change; }
  void originate(std::uint64_t term, const command& what) {
    write([&] { log_.push_back({{last().lsn + 1, term}, what}); });
  }
  void apply(position at, const bytes& what) {
    write([&] { log_.push_back({at, what}); });
    unsynced = true;
  }
  void roll_back_to(std::uint64_t lsn) {
    ++roll_backs;
    write([&] { log_.resize(lsn); });
  }

  [[nodiscard]] const std::vector<entry>& log() const { return log_; }
  void lose_last() {
    if (std::exchange(unsynced, false) && !log_.empty()) log_.pop_back();
  }

  fuse burning;
  bool unsynced = false;
  std::size_t roll_backs = 0;

 private:
  void write(const auto& change) {
    burning.burn();
    change();
    burning.burn();
  }
  std::uint64_t term_ = 0;
  std::vector<entry> log_;
};

/// The witness's disk.
struct witness_disk {
  [[nodiscard]] ballot load() const { return kept; }
  void save(const ballot& what) {
    burning.burn();
    before = kept;
    kept = what;
    if (lenient) kept.synchronized = true;
    burning.burn();
  }

  ballot kept;
  ballot before;
  fuse burning;
  bool lenient = false;
};

using partner = mirroring::partner<disk>;
using witness = mirroring::witness<witness_disk>;

struct statistics {
  std::size_t steps = 0;
  std::size_t acknowledged = 0;
  std::size_t acknowledged_alone = 0;
  std::size_t take_overs = 0;
  std::size_t roll_backs = 0;
  std::size_t crashes = 0;
};

/// Three nodes and the network between them, all decided by one generator.
class world {
 public:
  world(std::uint64_t seed, fault broken) : random_(seed), broken_(broken) {
    record_.lenient = broken == fault::witness_grants_anyone;
    for (const auto each : all) start(each);
  }

  /// One random thing happens, and everything is checked.
  void step() {
    ++statistics_.steps;
    const auto dice = below(1000);
    const auto any = all[below(3)];
    if (dice < 550)
      deliver_one();
    else if (dice < 700)
      write(partners[below(2)]);
    else if (dice < 820)
      connect_one();
    else if (dice < 880)
      tick(partners[below(2)]);
    else if (dice < 900)
      cut(below(3));
    else if (dice < 910)
      blocked_[below(3)] = below(2) == 0;
    else if (dice < 920)
      crash(any);
    else if (dice < 930)
      light(any);
    else
      start(any);
    check();
  }

  /// Everything works again: whatever happened before, the three must come to serve.
  void heal() {
    healed_ = true;
    blocked_ = {};
    for (const auto each : all) {
      if (each == node::witness)
        record_.burning.put_out();
      else
        disk_of(each).burning.put_out();
      start(each);
    }
    for (std::size_t round = 0; round < 2000; ++round) {
      connect_all();
      while (deliver_one()) check();
      for (const auto each : partners) {
        if (machine(each) && machine(each)->is_synchronized() && disks_[0].log() == disks_[1].log())
          return write_and_settle(each);
        tick(each);
      }
      check();
    }
    throw violated{"three healthy nodes do not come to serve"};
  }

  [[nodiscard]] statistics finish() {
    statistics_.acknowledged = acknowledged_.size();
    statistics_.take_overs = record_.kept.term;
    statistics_.roll_backs = disks_[0].roll_backs + disks_[1].roll_backs;
    return statistics_;
  }

 private:
  static constexpr std::array all{node::host_a, node::host_b, node::witness};
  static constexpr std::array partners{node::host_a, node::host_b};
  static constexpr std::size_t index(node which) { return static_cast<std::size_t>(which); }

  // What a node finds when it looks at a peer: in order, from one connection after the other.
  struct connected {
    std::uint64_t connection;
  };
  struct disconnected {};
  using event = std::variant<connected, disconnected, message>;

  struct link {
    std::uint64_t connection = 0;
    bool up = false;
  };
  static constexpr std::array<std::pair<node, node>, 3> pairs{
      {{node::host_a, node::host_b}, {node::host_a, node::witness}, {node::host_b, node::witness}}};
  [[nodiscard]] static std::size_t link_of(node one, node other) {
    return index(one) + index(other) - 1;
  }

  std::size_t below(std::size_t limit) { return random_() % limit; }
  std::optional<partner>& machine(node which) { return partners_.at(index(which)); }
  disk& disk_of(node which) { return disks_.at(index(which)); }
  bool is_up(node which) {
    return which == node::witness ? witness_.has_value() : machine(which).has_value();
  }
  std::deque<event>& queue(node from, node to) { return queues_[index(from)][index(to)]; }
  std::uint64_t& sees(node from, node to) { return seen_[index(from)][index(to)]; }

  void start(node which) {
    if (is_up(which)) return;
    for (const auto peer : all) sees(which, peer) = 0;
    guarded(which, [&] {
      if (which == node::witness)
        witness_.emplace(record_);
      else
        machine(which).emplace(which, disk_of(which));
    });
  }
  void crash(node which) {
    if (!is_up(which)) return;
    ++statistics_.crashes;
    if (which == node::witness) {
      witness_.reset();
      record_.burning.put_out();
      if (broken_ == fault::forgetful_witness && record_.kept.term == record_.before.term)
        record_.kept = record_.before;
    } else {
      machine(which).reset();
      disk_of(which).burning.put_out();
      if (broken_ == fault::forgetful_mirror) disk_of(which).lose_last();
    }
    for (const auto peer : all) {
      if (peer == which) continue;
      cut(link_of(which, peer));
      queue(peer, which).clear();
    }
  }
  /// The node will crash in the middle of one of its next writes.
  void light(node which) {
    auto& burning = which == node::witness ? record_.burning : disk_of(which).burning;
    if (is_up(which)) burning.light(below(6));
  }

  void connect_one() { connect(below(3)); }
  void connect_all() {
    for (std::size_t each = 0; each < 3; ++each) connect(each);
  }
  void connect(std::size_t which) {
    auto& it = links_.at(which);
    const auto [one, other] = pairs.at(which);
    if (it.up || blocked_.at(which) || !is_up(one) || !is_up(other)) return;
    it = {++connections_, true};
    queue(one, other).push_back(connected{it.connection});
    queue(other, one).push_back(connected{it.connection});
  }
  /// Some of what was on its way is lost: a tail, in each direction. Both ends notice, in time.
  void cut(std::size_t which) {
    auto& it = links_.at(which);
    if (!std::exchange(it.up, false)) return;
    const auto [one, other] = pairs.at(which);
    for (auto* way : {&queue(one, other), &queue(other, one)}) {
      auto lost = below(4) == 0 ? way->size() : below(4);
      for (; lost > 0 && !way->empty() && std::holds_alternative<message>(way->back()); --lost)
        way->pop_back();
      way->push_back(disconnected{});
    }
  }

  bool deliver_one() {
    std::array<std::pair<node, node>, 6> ready;
    std::size_t count = 0;
    for (const auto from : all)
      for (const auto to : all)
        if (from != to && is_up(to) && !queue(from, to).empty()) ready.at(count++) = {from, to};
    if (count == 0) return false;
    const auto [from, to] = ready.at(below(count));
    auto next = std::move(queue(from, to).front());
    queue(from, to).pop_front();
    deliver(from, to, next);
    return true;
  }
  void deliver(node from, node to, const event& what) {
    handle(to, [&](auto& it) {
      if (const auto* up = std::get_if<connected>(&what)) {
        sees(to, from) = up->connection;
        it.connected(from);
      } else if (const auto* said = std::get_if<message>(&what)) {
        through_the_wire(*said);
        const auto fate = it.received(from, *said);
        if (!fate) throw violated{"a message was refused: " + fate.error().message()};
      } else {
        sees(to, from) = 0;
        it.disconnected(from);
      }
    });
  }
  static void through_the_wire(const message& said) {
    const auto read = mirroring::decode(mirroring::encode(said));
    if (!read || !*read || (*read)->what != said) throw violated{"a message changed on its way"};
  }
  void tick(node which) {
    if (machine(which))
      handle(which, [](auto& it) {
        if constexpr (requires { it.timeout(); }) it.timeout();
      });
  }
  void write(node which) {
    if (!machine(which)) return;
    bytes what;
    append_big_endian(what, ++writes_);
    handle(which, [&](auto& it) {
      if constexpr (requires { it.write(what); }) static_cast<void>(it.write(what));
    });
  }

  void guarded(node which, const auto& act) {
    try {
      act();
    } catch (const crashed&) {
      crash(which);
    }
  }
  /// One input of a node, and then its output, of which a crash may swallow a tail.
  void handle(node which, const auto& input) {
    guarded(which, [&] {
      if (which == node::witness) {
        input(*witness_);
        emit(which, witness_->take_outgoing());
      } else {
        input(*machine(which));
        note_acknowledged(which);
        emit(which, machine(which)->take_outgoing());
      }
    });
  }
  void emit(node from, std::vector<mirroring::outgoing_message> all_of_it) {
    const bool dies = !healed_ && below(200) == 0;
    if (dies) all_of_it.resize(below(all_of_it.size() + 1));
    for (auto& each : all_of_it) {
      const auto& way = links_.at(link_of(from, each.to));
      if (way.up && sees(from, each.to) == way.connection)
        queue(from, each.to).push_back(std::move(each.what));
    }
    if (dies) throw crashed();
  }

  /// Whatever a principal acknowledges is written down, once and for all.
  void note_acknowledged(node which) {
    auto& it = *machine(which);
    if (!it.is_principal()) return;
    const auto& log = disk_of(which).log();
    for (auto next = acknowledged_.size(); next < it.acknowledged(); ++next) {
      acknowledged_.push_back(log.at(next));
      const auto [who, first] = rulers_.try_emplace(it.term(), which);
      if (who->second != which) throw violated{"two principals acknowledged in one term"};
      if (!record_.kept.synchronized) ++statistics_.acknowledged_alone;
    }
    if (it.acknowledged() > log.size()) throw violated{"acknowledged, and not even on this disk"};
  }
  void expect_all_acknowledged(node which, const char* why) {
    const auto& log = disk_of(which).log();
    if (log.size() < acknowledged_.size() ||
        !std::equal(acknowledged_.begin(), acknowledged_.end(), log.begin()))
      throw violated{std::string("an acknowledged write is not with ") + why};
  }
  void check() {
    const auto& kept = record_.kept;
    // Whoever could be the next principal has every acknowledged write.
    expect_all_acknowledged(kept.principal, "the principal");
    if (kept.synchronized)
      expect_all_acknowledged(kept.principal == node::host_a ? node::host_b : node::host_a,
                              "the mirror that may take over");
    for (const auto each : partners) {
      if (machine(each) && machine(each)->is_principal() && machine(each)->term() == kept.term &&
          each != kept.principal)
        throw violated{"a principal whom the witness did not choose"};
    }
    // Same position, same beginning.
    const auto& one = disks_[0].log();
    const auto& other = disks_[1].log();
    for (auto at = std::min(one.size(), other.size()); at > 0; --at)
      if (one[at - 1].at == other[at - 1].at) {
        if (!std::equal(one.begin(), one.begin() + static_cast<std::ptrdiff_t>(at), other.begin()))
          throw violated{"two logs differ before a common position"};
        break;
      }
  }
  void write_and_settle(node which) {
    const auto before = acknowledged_.size();
    write(which);
    while (deliver_one()) check();
    if (acknowledged_.size() != before + 1 || disks_[0].log() != disks_[1].log())
      throw violated{"a healthy principal does not acknowledge"};
  }

  std::mt19937_64 random_;
  fault broken_;
  std::array<disk, 2> disks_;
  witness_disk record_;
  std::array<std::optional<partner>, 2> partners_;
  std::optional<witness> witness_;
  std::array<link, 3> links_;
  std::array<bool, 3> blocked_{};
  std::uint64_t connections_ = 0;
  std::array<std::array<std::deque<event>, 3>, 3> queues_;
  std::array<std::array<std::uint64_t, 3>, 3> seen_{};
  bool healed_ = false;
  std::uint64_t writes_ = 0;
  std::vector<entry> acknowledged_;
  std::map<std::uint64_t, node> rulers_;
  statistics statistics_;
};

std::size_t from_environment(const char* name, std::size_t otherwise) {
  const char* const told = std::getenv(name);
  return told == nullptr ? otherwise : std::strtoull(told, nullptr, 10);
}

/// Runs schedules until something is violated, and says what and where; empty when nothing is.
std::string first_violation(std::size_t schedules, fault broken, statistics& sum) {
  const auto first = from_environment("KEYWARDEN_SEED", 20260101);
  for (std::size_t each = 0; each < schedules; ++each) {
    world it(first + each, broken);
    try {
      for (std::size_t step = 0; step < 400; ++step) it.step();
      it.heal();
    } catch (const violated& why) {
      return why.what + " (KEYWARDEN_SEED=" + std::to_string(first + each) + ")";
    }
    const auto one = it.finish();
    sum.steps += one.steps;
    sum.acknowledged += one.acknowledged;
    sum.acknowledged_alone += one.acknowledged_alone;
    sum.take_overs += one.take_overs;
    sum.roll_backs += one.roll_backs;
    sum.crashes += one.crashes;
  }
  return {};
}

template <class Message>
Message round_trip(const Message& said) {
  return std::get<Message>(mirroring::decode(mirroring::encode(said)).value().value().what);
}

BOOST_AUTO_TEST_SUITE(mirroring_protocol)

BOOST_AUTO_TEST_CASE(no_acknowledged_write_is_lost_in_any_of_thousands_of_schedules) {
  statistics sum;
  const auto schedules = from_environment("KEYWARDEN_SCHEDULES", 20000);
  BOOST_TEST(first_violation(schedules, fault::none, sum) == "");
  BOOST_TEST_MESSAGE(schedules << " schedules, " << sum.steps << " steps, " << sum.acknowledged
                               << " acknowledged (" << sum.acknowledged_alone
                               << " without the mirror), " << sum.take_overs << " terms, "
                               << sum.roll_backs << " roll-backs, " << sum.crashes << " crashes");
  // It is no proof if nothing happened.
  BOOST_TEST(sum.acknowledged > schedules * 3);
  BOOST_TEST(sum.acknowledged_alone > schedules / 2);
  BOOST_TEST(sum.take_overs > schedules);
  BOOST_TEST(sum.roll_backs > schedules / 20);
  BOOST_TEST(sum.crashes > schedules);
}

// The same simulation finds the loss when what the protocol rests on does not hold.
BOOST_AUTO_TEST_CASE(a_mirror_that_confirms_before_it_has_stored_is_found_out) {
  statistics ignored;
  BOOST_TEST(first_violation(4000, fault::forgetful_mirror, ignored) != "");
}
BOOST_AUTO_TEST_CASE(a_witness_that_answers_before_it_has_recorded_is_found_out) {
  statistics ignored;
  BOOST_TEST(first_violation(4000, fault::forgetful_witness, ignored) != "");
}
BOOST_AUTO_TEST_CASE(a_witness_that_grants_to_a_mirror_left_behind_is_found_out) {
  statistics ignored;
  BOOST_TEST(first_violation(4000, fault::witness_grants_anyone, ignored) != "");
}

BOOST_AUTO_TEST_CASE(a_witness_that_lost_its_record_grants_and_confirms_nothing) {
  witness_disk empty;
  witness forgot(empty);
  BOOST_TEST(
      refused_as(errc::malformed, forgot.received(node::host_a, mirroring::hello{7, true, {}})));
  BOOST_TEST(refused_as(errc::malformed, forgot.received(node::host_a, mirroring::take_over{7})));
  BOOST_TEST(
      refused_as(errc::malformed, forgot.received(node::host_a, mirroring::report{7, 1, false})));
  BOOST_TEST((empty.kept == ballot{}));
  BOOST_TEST(forgot.take_outgoing().empty());
}

BOOST_AUTO_TEST_CASE(only_the_first_principal_may_begin_and_only_once) {
  witness_disk empty;
  witness it(empty);
  BOOST_TEST(accepted(it.received(node::host_b, mirroring::take_over{0})));
  BOOST_TEST(it.take_outgoing().empty());
  BOOST_TEST(accepted(it.received(node::host_a, mirroring::take_over{0})));
  BOOST_TEST(empty.kept.term == 1U);
  BOOST_TEST(accepted(it.received(node::host_a, mirroring::take_over{0})));
  BOOST_TEST(empty.kept.term == 1U);
}

BOOST_AUTO_TEST_CASE(a_mirror_does_not_take_over_while_the_principal_is_there) {
  witness_disk record;
  record.kept = {3, node::host_a, true, 1};
  witness it(record);
  it.connected(node::host_a);
  BOOST_TEST(accepted(it.received(node::host_a, mirroring::hello{3, true, {}})));
  BOOST_TEST(accepted(it.received(node::host_b, mirroring::take_over{3})));
  BOOST_TEST(record.kept.term == 3U);
  it.disconnected(node::host_a);
  BOOST_TEST(accepted(it.received(node::host_b, mirroring::take_over{3})));
  BOOST_TEST((record.kept == ballot{4, node::host_b, false, 0}));
}

BOOST_AUTO_TEST_CASE(a_report_that_was_overtaken_changes_nothing) {
  witness_disk record;
  record.kept = {3, node::host_a, false, 2};
  witness it(record);
  BOOST_TEST(accepted(it.received(node::host_a, mirroring::report{3, 1, true})));
  BOOST_TEST(!record.kept.synchronized);
  BOOST_TEST(refused_as(errc::malformed, it.received(node::host_b, mirroring::report{3, 3, true})));
  BOOST_TEST(!record.kept.synchronized);
}

BOOST_AUTO_TEST_CASE(a_principal_with_neither_partner_takes_no_write) {
  disk kept;
  partner it(node::host_a, kept);
  it.connected(node::witness);
  it.timeout();
  BOOST_TEST(accepted(it.received(node::witness, mirroring::granted{1})));
  BOOST_TEST(it.write({1}).value() == 1U);
  BOOST_TEST(it.acknowledged() == 1U);
  it.disconnected(node::witness);
  BOOST_TEST(!it.write({2}));
  BOOST_TEST(it.is_principal());
}

BOOST_AUTO_TEST_CASE(a_grant_that_nobody_asked_for_makes_no_principal) {
  disk kept;
  partner it(node::host_a, kept);
  it.connected(node::witness);
  BOOST_TEST(accepted(it.received(node::witness, mirroring::granted{1})));
  BOOST_TEST(!it.is_principal());
}

BOOST_AUTO_TEST_CASE(a_mirror_takes_entries_only_from_the_principal_and_only_the_next) {
  disk kept;
  partner it(node::host_b, kept);
  it.connected(node::host_a);
  BOOST_TEST(
      refused_as(errc::malformed, it.received(node::host_a, mirroring::append{1, {1, 1}, {1}})));
  BOOST_TEST(accepted(it.received(node::host_a, mirroring::hello{1, true, {}})));
  BOOST_TEST(
      refused_as(errc::malformed, it.received(node::host_a, mirroring::append{1, {1, 1}, {1}})));
  BOOST_TEST(accepted(it.received(node::host_a, mirroring::probe{1, {0, 0}})));
  BOOST_TEST(
      refused_as(errc::malformed, it.received(node::host_a, mirroring::append{1, {2, 1}, {1}})));
  BOOST_TEST(
      refused_as(errc::malformed, it.received(node::host_a, mirroring::append{1, {1, 2}, {1}})));
  BOOST_TEST(accepted(it.received(node::host_a, mirroring::append{1, {1, 1}, {1}})));
  BOOST_TEST(refused_as(errc::malformed, it.received(node::host_a, mirroring::probe{1, {0, 0}})));
  BOOST_TEST(kept.log().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_mirror_rolls_nothing_back_for_a_principal_of_another_history) {
  disk kept;
  kept.save_term(2);
  kept.originate(1, {1});
  kept.originate(2, {2});
  partner it(node::host_b, kept);
  it.connected(node::host_a);
  BOOST_TEST(accepted(it.received(node::host_a, mirroring::hello{3, true, {2, 3}})));
  BOOST_TEST(refused_as(errc::malformed, it.received(node::host_a, mirroring::probe{3, {2, 1}})));
  BOOST_TEST(refused_as(errc::malformed, it.received(node::host_a, mirroring::probe{3, {3, 2}})));
  BOOST_TEST(kept.log().size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_principal_believes_only_confirmations_of_what_it_sent) {
  disk kept;
  partner it(node::host_a, kept);
  it.connected(node::witness);
  it.timeout();
  BOOST_TEST(accepted(it.received(node::witness, mirroring::granted{1})));
  it.connected(node::host_b);
  BOOST_TEST(refused_as(errc::malformed, it.received(node::host_b, mirroring::stored{1, 0})));
  BOOST_TEST(accepted(it.received(node::host_b, mirroring::hello{1, false, {}})));
  BOOST_TEST(refused_as(errc::malformed, it.received(node::host_b, mirroring::stored{1, 1})));
  BOOST_TEST(accepted(it.received(node::host_b, mirroring::stored{1, 0})));
  BOOST_TEST(it.write({1}).value() == 1U);
  BOOST_TEST(it.acknowledged() == 0U);
  BOOST_TEST(refused_as(errc::malformed, it.received(node::host_b, mirroring::stored{1, 2})));
  BOOST_TEST(it.acknowledged() == 0U);
  BOOST_TEST(accepted(it.received(node::host_b, mirroring::stored{1, 1})));
  BOOST_TEST(it.acknowledged() == 1U);
}

BOOST_AUTO_TEST_CASE(every_message_reads_back_as_it_was_written) {
  BOOST_TEST((round_trip(mirroring::hello{7, true, {5, 6}}) == mirroring::hello{7, true, {5, 6}}));
  BOOST_TEST((round_trip(mirroring::report{7, 8, true}) == mirroring::report{7, 8, true}));
  const mirroring::append sent{1, {2, 3}, {9, 8, 7}};
  BOOST_TEST((round_trip(sent) == sent));
}

BOOST_AUTO_TEST_CASE(what_no_one_writes_is_refused) {
  const auto good = mirroring::encode(mirroring::report{7, 8, true});
  for (std::size_t size = 0; size < good.size(); ++size)  // not all of it: nothing yet
    BOOST_TEST(!mirroring::decode(bytes_view(good).first(size)).value().has_value());
  auto longer = good;
  longer.push_back(0);
  longer[3] = static_cast<std::uint8_t>(longer[3] + 1);
  BOOST_TEST(refused_as(errc::malformed, mirroring::decode(longer)));
  auto shorter = good;
  shorter[3] = static_cast<std::uint8_t>(shorter[3] - 1);
  BOOST_TEST(refused_as(errc::malformed, mirroring::decode(shorter)));
  auto neither = good;
  neither.back() = 2;
  BOOST_TEST(refused_as(errc::malformed, mirroring::decode(neither)));
  auto unknown = good;
  unknown[4] = 9;
  BOOST_TEST(refused_as(errc::malformed, mirroring::decode(unknown)));
  auto endless = good;
  endless[0] = 255;
  BOOST_TEST(refused_as(errc::limit_exceeded, mirroring::decode(endless)));
  BOOST_TEST(refused_as(errc::limit_exceeded, mirroring::decode(bytes(4, 0))));
  const bytes huge_number{0, 0, 0, 9, 2, 255, 0, 0, 0, 0, 0, 0, 0};
  BOOST_TEST(refused_as(errc::malformed, mirroring::decode(huge_number)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace mirroring_protocol_test

}  // namespace keywarden::testing

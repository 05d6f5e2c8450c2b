// Certificates change while connections are made.

#include <keywarden/endpoint/endpoint.hpp>

#include <boost/test/unit_test.hpp>

#include <keywarden/admit/anyone.hpp>
#include <keywarden/auth/certificate.hpp>
#include <keywarden/pki/expiry.hpp>
#include <keywarden/pki/self_signed.hpp>
#include <support/refusals.hpp>
#include <support/two_ends.hpp>

namespace rotation_test {

namespace kw = keywarden;
using kw::errc;
using kw::testing::accepted;
using kw::testing::refused_as;
using namespace std::chrono_literals;

/// A clock that all copies share.
class common_clock {
 public:
  explicit common_clock(kw::time_point start)
      : now_(std::make_shared<std::atomic<kw::time_point>>(start)) {}
  [[nodiscard]] kw::time_point now() const { return now_->load(); }
  void advance(std::chrono::seconds by) { now_->store(now_->load() + by); }

 private:
  std::shared_ptr<std::atomic<kw::time_point>> now_;
};

using pinned = kw::auth::certificate<kw::trust::pinned>;
using mirroring = kw::endpoint<pinned, kw::transport::tls13<>, kw::admit::anyone, common_clock>;

kw::pki::identity identity_of(const std::string& name, kw::time_point start,
                              std::chrono::seconds lasting) {
  auto key = std::make_shared<kw::pki::signing_key>(kw::pki::signing_key::generate().value());
  auto made = kw::pki::make_self_signed(
                  *key, {.subject = name, .start = start, .expiry = start + lasting}, start)
                  .value();
  return {{std::move(made)}, std::move(key)};
}

/// What one instance knows of others: names are login and user, certificates are numbered.
class acquaintances {
 public:
  void meet(const std::string& name) {
    const auto login = kw::object_name::parse(name).value();
    known_.create_login(login).value();
    known_.create_user(login, login).value();
    known_.grant(kw::auth::permission::connect, "mirroring", login).value();
  }
  void add(const std::string& owner, const kw::pki::certificate& shown) {
    known_.add_certificate(name_of(shown), shown, kw::object_name::parse(owner).value()).value();
  }
  void drop(const kw::pki::certificate& shown) { known_.drop_certificate(name_of(shown)).value(); }
  void revoke(const std::string& name) {
    known_.revoke(kw::auth::permission::connect, "mirroring", kw::object_name::parse(name).value())
        .value();
  }
  [[nodiscard]] const kw::auth::directory& directory() const { return known_; }

 private:
  static kw::object_name name_of(const kw::pki::certificate& shown) {
    return kw::object_name::parse("c" + kw::to_hex(shown.fingerprint().view()).substr(0, 40))
        .value();
  }
  kw::auth::directory known_ = [] {
    kw::auth::directory made;
    made.create_login("sa").value();
    return made;
  }();
};

/// One instance: what it shows, whom it knows, and its endpoint.
struct instance {
  instance(std::string called, common_clock clock, std::chrono::seconds lasting)
      : name(std::move(called)),
        own(identity_of(name, clock.now(), lasting)),
        with(pinned::create(own, known.directory(), "mirroring", "sa").value()),
        at(mirroring::create(with, {}, {kw::endpoint_state::started}, clock).value()) {}

  void trust(const std::string& who, const kw::pki::certificate& shown) {
    known.add(who, shown);
    with.reload_directory(known.directory());
  }
  void show(std::vector<kw::pki::identity> identities) {
    with.reload_own(kw::auth::own_identities::of(std::move(identities)).value());
  }
  [[nodiscard]] const kw::pki::certificate& certificate() const { return own.chain.front(); }

  std::string name;
  kw::pki::identity own;
  acquaintances known;
  pinned with;
  mirroring at;
};

void introduce(instance& one, instance& other) {
  one.known.meet(other.name);
  one.trust(other.name, other.certificate());
  other.known.meet(one.name);
  other.trust(one.name, one.certificate());
}

struct both_ends {
  kw::result<mirroring::outgoing_connection> there;
  kw::result<mirroring::connection> here;
};
both_ends connect(const mirroring& from, const mirroring& to, const std::string& expected) {
  auto out = from.connect(expected, expected);
  if (!out) return {out.error(), kw::error(errc::handshake_failed)};
  auto in = to.accept(kw::admit::address("192.0.2.1"), {}).value();
  while (!out->outgoing().empty() || !in.outgoing().empty()) {
    static_cast<void>(kw::testing::carry(*out, in));
    static_cast<void>(kw::testing::carry(in, *out));
  }
  return {std::move(*out).finish(), std::move(in).finish()};
}

BOOST_AUTO_TEST_SUITE(rotation)

BOOST_AUTO_TEST_CASE(seventy_two_hours_through_expiry_and_rotation) {
  common_clock clock(kw::time_point(std::chrono::sys_days(2030y / 1 / 1)));
  instance a("host_a", clock, 24h);
  instance b("host_b", clock, 24h);
  instance lazy("host_c", clock, 24h);  // never renews
  introduce(a, b);
  introduce(a, lazy);
  std::optional<kw::pki::identity> next_a;
  std::optional<kw::pki::identity> next_b;
  const auto oldest = connect(a.at, b.at, "host_b");
  int warned = 0;
  for (int hour = 0; hour <= 72; ++hour, clock.advance(1h)) {
    // A day before it expires at most, whoever looks is warned.
    warned +=
        kw::pki::expiry_warning(a.certificate(), clock.now(), std::chrono::days(1)).has_value() ? 1
                                                                                                : 0;
    const auto renew = [&](instance& who, instance& peer, std::optional<kw::pki::identity>& next) {
      if (!next && who.certificate().not_after() - clock.now() <= 6h) {
        // Made, exchanged and loaded while the old one is still shown: its start is an hour away.
        next = identity_of(who.name, clock.now() + 1h, 24h);
        peer.trust(who.name, next->chain.front());
        if (who.name == "host_a") lazy.trust(who.name, next->chain.front());
        who.show({who.own, *next});
      } else if (next && who.certificate().not_after() < clock.now()) {
        peer.known.drop(who.certificate());
        who.own = *std::exchange(next, std::nullopt);
        who.show({who.own});
        peer.with.reload_directory(peer.known.directory());
      }
    };
    renew(a, b, next_a);
    renew(b, a, next_b);
    BOOST_TEST_CONTEXT("hour " << hour) {
      auto met = connect(a.at, b.at, "host_b");
      BOOST_TEST(accepted(met.there));
      BOOST_TEST(accepted(met.here));
      auto stale = connect(lazy.at, a.at, "host_a");
      if (hour <= 24) {
        BOOST_TEST(accepted(stale.here));
      } else {
        BOOST_TEST(refused_as(errc::certificate_expired, stale.there));
        // A copy of it that does not look at its own clock is refused by the peer.
        auto called = connect(a.at, lazy.at, "host_c");
        BOOST_TEST(!called.there);
      }
    }
  }
  BOOST_TEST(warned > 0);
  // A session outlives the certificates that began it, until somebody drops it.
  BOOST_TEST(a.at.connections().size() == 1U);
  BOOST_TEST(a.at.drop_unpermitted() == 1U);
}

BOOST_AUTO_TEST_CASE(an_expired_peer_is_refused_by_name_in_the_log_only) {
  common_clock now(kw::time_point(std::chrono::sys_days(2030y / 1 / 1)));
  common_clock slow(now.now());
  instance a("host_a", now, 24h);
  instance b("host_b", slow, 24h);  // its clock stands still
  introduce(a, b);
  now.advance(25h);
  a.show({identity_of("host_a", now.now() - 1h, 24h)});
  auto met = connect(b.at, a.at, "host_a");
  BOOST_TEST(!met.there);
  b.trust("host_a", a.with.own(now.now()).value()->chain.front());
  slow.advance(23h + 30min);
  auto again = connect(b.at, a.at, "host_a");
  BOOST_TEST(refused_as(errc::certificate_not_yet_valid, again.there));
  slow.advance(30min);
  auto third = connect(b.at, a.at, "host_a");
  BOOST_TEST(refused_as(errc::certificate_expired, third.here));
  BOOST_TEST(refused_as(errc::refused_by_peer, third.there));
  BOOST_TEST(third.there.error().value_of(kw::fact::alert) == "access_denied");
}

BOOST_AUTO_TEST_CASE(another_known_instance_that_answers_is_refused) {
  common_clock clock(kw::time_point(std::chrono::sys_days(2030y / 1 / 1)));
  instance a("host_a", clock, 24h);
  instance b("host_b", clock, 24h);
  instance c("host_c", clock, 24h);
  introduce(a, b);
  introduce(a, c);
  auto met = connect(a.at, c.at, "host_b");
  BOOST_TEST(refused_as(errc::peer_unknown, met.there));
  BOOST_TEST(refused_as(errc::refused_by_peer, met.here));
}

BOOST_AUTO_TEST_CASE(ten_thousand_handshakes_while_certificates_change) {
  constexpr int wanted = 10000;
  constexpr int workers = 2;
  common_clock clock(kw::time_point(std::chrono::sys_days(2030y / 1 / 1)));
  instance a("host_a", clock, 24h);
  instance b("host_b", clock, 24h);
  instance revoked("host_c", clock, 24h);
  introduce(a, b);
  introduce(b, revoked);
  b.known.revoke("host_c");
  b.with.reload_directory(b.known.directory());

  std::atomic<int> made = 0;
  std::array<std::atomic<int>, workers> rounds{};
  std::vector<std::string> failures;
  std::mutex guard;
  const auto note = [&](const std::string& what) {
    const std::scoped_lock held(guard);
    failures.push_back(what);
  };
  std::vector<std::jthread> threads;
  for (int worker = 0; worker < workers; ++worker)
    threads.emplace_back([&, worker] {
      while (made.fetch_add(1) < wanted) {
        auto met = connect(a.at, b.at, "host_b");
        if (!met.there) note("connector: " + met.there.error().message());
        if (!met.here) note("acceptor: " + met.here.error().message());
        rounds[static_cast<std::size_t>(worker)].fetch_add(1);
        if (rounds[static_cast<std::size_t>(worker)].load() % 50 == 0) {
          auto never = connect(revoked.at, b.at, "host_b");
          if (never.here || never.here.error() != errc::not_permitted)
            note("a login without CONNECT was not refused");
        }
      }
    });
  // Each rotation: exchange the new certificate, show it, and forget the old one once nobody who
  // began with it can still be under way.
  int rotations = 0;
  const auto rotate = [&](instance& who, instance& peer) {
    auto next = identity_of(who.name, clock.now(), 24h);
    peer.trust(who.name, next.chain.front());
    if (who.name == "host_b") revoked.trust(who.name, next.chain.front());
    who.show({next});
    std::array<int, workers> seen{};
    for (std::size_t i = 0; i < workers; ++i) seen[i] = rounds[i].load();
    for (std::size_t i = 0; i < workers; ++i)
      while (rounds[i].load() < seen[i] + 2 && made.load() < wanted) std::this_thread::yield();
    if (made.load() >= wanted) return;
    peer.known.drop(who.certificate());
    who.own = std::move(next);
    peer.with.reload_directory(peer.known.directory());
    ++rotations;
  };
  while (made.load() < wanted) {
    rotate(a, b);
    rotate(b, a);
  }
  threads.clear();
  BOOST_TEST(failures.size() == 0U, (failures.empty() ? "" : failures.front()));
  BOOST_TEST(rotations > 100);
  BOOST_TEST(b.at.connections().empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace rotation_test

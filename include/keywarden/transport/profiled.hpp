/// @file
/// A transport that counts where the time of its handshakes goes.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <keywarden/core/profile.hpp>
#include <keywarden/transport/tls.hpp>

namespace keywarden::transport {

/// What one side's half of a handshake is made of.
enum class handshake_phase : std::uint8_t {
  protocol,   ///< key schedule, messages, transcript, records: what TLS does besides
  key_share,  ///< Diffie-Hellman: making keys and agreeing
  kem,        ///< the same with ML-KEM, and with the hybrids of both
  signing,
  verifying,
  chain,   ///< the authenticator's judgement: path, pins, lists, grants
  random,  ///< drawing random bytes, whatever they are for
  framing  ///< handing bytes over to be sent
};
/// The names of the phases of a handshake, in the order of their numbers.
[[nodiscard]] constexpr std::array<std::string_view, 8> phase_names(handshake_phase) noexcept {
  return {"protocol", "key share", "KEM", "signing", "verifying", "chain", "random", "framing"};
}

namespace detail {

template <profile_clock Clock>
using handshake_watch = phase_watch<handshake_phase, Clock>;

/// A generator that tells a watch when it draws.
template <profile_clock Clock>
class watched_random final : public Botan::RandomNumberGenerator {
 public:
  watched_random(std::shared_ptr<Botan::RandomNumberGenerator> inner,
                 std::shared_ptr<handshake_watch<Clock>> watch) noexcept
      : inner_(std::move(inner)), watch_(std::move(watch)) {}
  bool accepts_input() const override { return inner_->accepts_input(); }
  std::string name() const override { return inner_->name(); }
  void clear() override { inner_->clear(); }
  bool is_seeded() const override { return inner_->is_seeded(); }

 private:
  void fill_bytes_with_input(std::span<std::uint8_t> output,
                             std::span<const std::uint8_t> input) override {
    const phase_scope drawing(*watch_, handshake_phase::random);
    inner_->randomize_with_input(output, input);
  }
  std::shared_ptr<Botan::RandomNumberGenerator> inner_;
  std::shared_ptr<handshake_watch<Clock>> watch_;
};

/// Botan's machine, whose callbacks tell a watch what is done. What it does is the same.
template <class Profile>
class profiled_machine final : public tls_machine {
  using clock = typename Profile::clock;
  using watch_type = handshake_watch<clock>;
  using scope = phase_scope<handshake_phase, clock>;
  using phase = handshake_phase;

 public:
  profiled_machine(const std::shared_ptr<const tls_shared>& shared, auth::side own,
                   std::string dialled, std::string expected)
      : profiled_machine(shared, own, std::move(dialled), std::move(expected),
                         std::make_shared<watch_type>()) {}

  [[nodiscard]] result<void> start() {
    watch_->begin(phase::protocol);
    auto made = tls_machine::start();
    count(watch_->end());
    return made;
  }
  /// What comes after the peer's Finished is not counted, unless it came with it.
  [[nodiscard]] result<void> receive(bytes_view data) override {
    if (over_) return tls_machine::receive(data);
    watch_->begin(phase::protocol);
    auto taken = tls_machine::receive(data);
    count(watch_->end());
    if (finished() || !taken) {
      over_ = true;
      spent_.whole.times = 1;
      Profile::totals.add(spent_);
    }
    return taken;
  }

 private:
  profiled_machine(const std::shared_ptr<const tls_shared>& shared, auth::side own,
                   std::string dialled, std::string expected, std::shared_ptr<watch_type> watch)
      : tls_machine(watched(*shared, watch), own, std::move(dialled), std::move(expected)),
        watch_(std::move(watch)) {}

  [[nodiscard]] static std::shared_ptr<const tls_shared> watched(
      const tls_shared& shared, const std::shared_ptr<watch_type>& watch) {
    auto made = std::make_shared<tls_shared>(shared);
    made->random = std::make_shared<watched_random<clock>>(shared.random, watch);
    return made;
  }
  void count(const phase_report<phase>& more) noexcept {
    for (std::size_t i = 0; i < spent_.phases.size(); ++i) {
      spent_.phases[i].ticks += more.phases[i].ticks;
      spent_.phases[i].times += more.phases[i].times;
    }
    spent_.whole.ticks += more.whole.ticks;
  }
  [[nodiscard]] static phase agreement_of(Botan::TLS::Group_Params group) {
    return group.is_kem() ? phase::kem : phase::key_share;
  }

  std::vector<std::uint8_t> tls_sign_message(const Botan::Private_Key& key,
                                             Botan::RandomNumberGenerator& random,
                                             std::string_view padding,
                                             Botan::Signature_Format format,
                                             const std::vector<std::uint8_t>& message) override {
    const scope in(*watch_, phase::signing);
    return tls_machine::tls_sign_message(key, random, padding, format, message);
  }
  bool tls_verify_message(const Botan::Public_Key& key, std::string_view padding,
                          Botan::Signature_Format format, const std::vector<std::uint8_t>& message,
                          const std::vector<std::uint8_t>& signature) override {
    const scope in(*watch_, phase::verifying);
    return tls_machine::tls_verify_message(key, padding, format, message, signature);
  }
  std::unique_ptr<Botan::PK_Key_Agreement_Key> tls_generate_ephemeral_key(
      const std::variant<Botan::TLS::Group_Params, Botan::DL_Group>& group,
      Botan::RandomNumberGenerator& random) override {
    const scope in(*watch_, phase::key_share);
    return tls_machine::tls_generate_ephemeral_key(group, random);
  }
  Botan::secure_vector<std::uint8_t> tls_ephemeral_key_agreement(
      const std::variant<Botan::TLS::Group_Params, Botan::DL_Group>& group,
      const Botan::PK_Key_Agreement_Key& key, const std::vector<std::uint8_t>& value,
      Botan::RandomNumberGenerator& random, const Botan::TLS::Policy& policy) override {
    const scope in(*watch_, phase::key_share);
    return tls_machine::tls_ephemeral_key_agreement(group, key, value, random, policy);
  }
  std::unique_ptr<Botan::Private_Key> tls_kem_generate_key(
      Botan::TLS::Group_Params group, Botan::RandomNumberGenerator& random) override {
    const scope in(*watch_, agreement_of(group));
    return tls_machine::tls_kem_generate_key(group, random);
  }
  Botan::KEM_Encapsulation tls_kem_encapsulate(Botan::TLS::Group_Params group,
                                               const std::vector<std::uint8_t>& key,
                                               Botan::RandomNumberGenerator& random,
                                               const Botan::TLS::Policy& policy) override {
    const scope in(*watch_, agreement_of(group));
    return tls_machine::tls_kem_encapsulate(group, key, random, policy);
  }
  Botan::secure_vector<std::uint8_t> tls_kem_decapsulate(
      Botan::TLS::Group_Params group, const Botan::Private_Key& key,
      const std::vector<std::uint8_t>& encapsulated, Botan::RandomNumberGenerator& random,
      const Botan::TLS::Policy& policy) override {
    const scope in(*watch_, agreement_of(group));
    return tls_machine::tls_kem_decapsulate(group, key, encapsulated, random, policy);
  }
  void tls_session_established(const Botan::TLS::Session_Summary& made) override {
    const scope in(*watch_, phase::chain);
    tls_machine::tls_session_established(made);
  }
  void tls_emit_data(std::span<const std::uint8_t> data) override {
    const scope in(*watch_, phase::framing);
    tls_machine::tls_emit_data(data);
  }

  std::shared_ptr<watch_type> watch_;
  phase_report<phase> spent_;
  bool over_ = false;
};

/// The context of one transport with another in its place.
template <class Context, class Transport>
struct context_for;
template <class Old, class Groups, class Authenticator, class Clock, class Transport>
struct context_for<tls_context<Old, Groups, Authenticator, Clock>, Transport> {
  using type = tls_context<Transport, Groups, Authenticator, Clock>;
};

}  // namespace detail

/// `Inner`, a transport over Botan, counting its handshakes, both halves where both are of this
/// type. Speaks the very same bytes; every other transport stays as it is, for nothing asks whether
/// one is profiled.
///
/// The whole is the time within the calls that carry a handshake, from its first message until it
/// is finished or refused; waiting for the network is not in it. Counters are one set for the type,
/// in ticks of `Clock`. Tells whoever reads them the time of secret work: for measuring, not for
/// production. Any thread.
template <class Inner, profile_clock Clock = steady_nanoseconds>
struct profiled : Inner {
  /// The clock that it is timed with.
  using clock = Clock;
  /// What computes, timed.
  using machine = detail::profiled_machine<profiled>;
  template <auth::authenticator Authenticator, clock_source Time = system_clock>
  using context =
      typename detail::context_for<typename Inner::template context<Authenticator, Time>,
                                   profiled>::type;

  /// What handshakes took so far, in all threads.
  [[nodiscard]] static phase_report<handshake_phase> handshakes() noexcept { return totals.read(); }
  /// Begins anew at nothing.
  static void forget() noexcept { totals.reset(); }

 private:
  friend machine;
  inline static phase_totals<handshake_phase> totals;
};

}  // namespace keywarden::transport

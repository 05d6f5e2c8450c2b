/// @file
/// One connection, whichever engine carries it: what is known of it, and the one place where a peer
/// is judged.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <botan/secmem.h>

#include <keywarden/auth/evidence.hpp>
#include <keywarden/auth/proof.hpp>
#include <keywarden/core/bytes.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/transport/byte_queue.hpp>
#include <keywarden/transport/encryption.hpp>
#include <keywarden/transport/party.hpp>

namespace keywarden::transport::libssl::detail {
class machine;
}

namespace keywarden::transport::detail {

class tls_machine;

/// The one maker of proofs.
class prover {
  friend class machine;
  [[nodiscard]] static auth::proof prove(auth::principal who) noexcept {
    return auth::proof(std::move(who));
  }
};

/// What two ends agreed on.
struct agreement {
  negotiation protection = negotiation::integrity_only();
  std::string version;  ///< "TLS 1.3"
  std::string group;    ///< the key agreement, as Botan names it
};

/// One connection over some TLS engine. Pinned in memory. One thread at a time.
///
/// An engine fills `shown_` and calls `judge_peer` once, on both sides: after the peer's Finished
/// was verified, before anything that a client shows of itself leaves, before any application data
/// is taken. The engines are its friends, and nobody else is: who derives from one of them makes no
/// proof.
class machine {
 public:
  static constexpr std::size_t max_handshake = 262144;  ///< bytes from a peer before its Finished
  static constexpr std::size_t handshake_part = 16384;
  static constexpr std::size_t max_pending = 1048576;  ///< bytes that wait for a slow reader

  machine(const machine&) = delete;
  machine& operator=(const machine&) = delete;
  machine(machine&&) = delete;
  machine& operator=(machine&&) = delete;
  virtual ~machine() = default;

  /// Takes bytes from the network. After a refusal, `outgoing` still holds the alert to send.
  [[nodiscard]] virtual result<void> receive(bytes_view data) = 0;
  [[nodiscard]] virtual bool finished() const = 0;
  /// Encrypts. Only after `finished`. Errors: `connection_closed`, `limit_exceeded`.
  [[nodiscard]] virtual result<void> send(bytes_view data) = 0;
  /// Says that nothing more will be sent (close_notify); receiving goes on.
  [[nodiscard]] virtual result<void> close() = 0;
  /// Refuses a peer, also one that was let in: an alert, and no more data either way.
  virtual void refuse(error why) = 0;
  /// New keys for both directions (RFC 8446, 4.6.3). Nothing in TLS 1.2.
  [[nodiscard]] virtual result<void> update_keys() = 0;
  /// A secret that both ends of this connection know, and nobody else (RFC 8446, 7.5).
  [[nodiscard]] virtual result<secret_key> exported(std::string_view label,
                                                    std::size_t size) const = 0;

  [[nodiscard]] const std::optional<auth::proof>& proof() const noexcept { return proof_; }
  [[nodiscard]] const std::optional<error>& failure() const noexcept { return failure_; }
  [[nodiscard]] const agreement& agreed() const noexcept { return agreed_; }
  [[nodiscard]] auth::side side() const noexcept { return side_; }
  [[nodiscard]] bool peer_closed() const noexcept { return peer_closed_; }
  [[nodiscard]] bool closed() const noexcept { return closed_; }
  [[nodiscard]] byte_queue<bytes>& outgoing() noexcept { return outgoing_; }
  [[nodiscard]] byte_queue<Botan::secure_vector<std::uint8_t>>& incoming() noexcept {
    return incoming_;
  }

 private:
  friend class tls_machine;
  friend class libssl::detail::machine;

  /// Whoever answers must be `expected` (a login), unless that is empty.
  machine(auth::side own, std::string dialled, std::string expected)
      : side_(own), dialled_(std::move(dialled)), expected_login_(std::move(expected)) {
    shown_.peer = auth::other(side_);
    shown_.dialled = dialled_;
  }

  /// The peer has proved that it holds what it showed: is it welcome? Makes the proof.
  [[nodiscard]] result<void> judge_peer(const tls_party& party) {
    auto who = party.judge(shown_);
    if (!who) return who.error();
    if (!expected_login_.empty() && who->login != expected_login_)
      return error(errc::peer_unknown)
          .with(fact::peer, who->login)
          .with(fact::name, expected_login_)
          .with(fact::reason, "another instance answered than the one that was called");
    proof_.emplace(prover::prove(std::move(*who)));
    shown_ = {};
    return done();
  }
  /// Where both clauses are known, what was negotiated must be what they say.
  [[nodiscard]] result<void> check_clauses() const {
    if (!expected_ || *expected_ == agreed_.protection) return done();
    return error(errc::encryption_refused)
        .with(fact::reason, "the connection is not as the two clauses say");
  }
  /// The connection's fate: nothing that was received is given out any more.
  [[nodiscard]] error fail(error why) {
    incoming_.clear();
    failure_ = std::move(why);
    return *failure_;
  }

  auth::side side_;
  std::string dialled_;
  std::string expected_login_;
  std::optional<negotiation> expected_;  // from both clauses, where the peer declared its own
  auth::peer_evidence shown_;
  agreement agreed_;
  std::optional<auth::proof> proof_;
  std::optional<error> failure_;
  std::size_t handshake_bytes_ = 0;
  bool was_asked_ = false;  // for a certificate
  bool peer_closed_ = false;
  bool closed_ = false;
  byte_queue<bytes> outgoing_;
  byte_queue<Botan::secure_vector<std::uint8_t>> incoming_;
};

}  // namespace keywarden::transport::detail

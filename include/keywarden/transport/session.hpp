/// @file
/// A handshake and the session that comes of it, without a socket: feed bytes, take bytes.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <keywarden/auth/proof.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/transport/machine.hpp>

namespace keywarden::transport {

/// A connection whose peer is known: there is no way to make one but from a finished handshake, and
/// so no way to exchange data with a stranger.
///
/// Protects: confidentiality (unless `protection().is_integrity_only()`), integrity, order and
/// truncation of what is exchanged, and who is at the other end. Does not hide sizes and times.
/// Move-only; one thread at a time. Holds at most one record (16 KiB) of received data per 16 KiB
/// fed, until `consume`: do not feed more than you consume. That memory is wiped.
class session {
 public:
  /// Who is at the other end.
  [[nodiscard]] const auth::principal& peer() const noexcept { return machine_->proof()->who(); }
  /// Who is at the other end, and what was verified.
  [[nodiscard]] const auth::proof& proof() const noexcept { return *machine_->proof(); }

  /// Takes bytes that came from the network; what comes after the peer has closed is ignored (RFC
  /// 8446, 6.1). Errors: `refused_by_peer` for its alert; `authentication_failed` and `malformed`
  /// for what is not the peer's own: what is `outgoing` then is the alert to send.
  [[nodiscard]] result<void> receive(bytes_view from_network) {
    return machine_->receive(from_network);
  }
  /// What the peer sent, decrypted. Valid until the next call that is not const.
  [[nodiscard]] bytes_view received() const noexcept { return machine_->incoming().view(); }
  /// Forgets (and later wipes) the first `count` bytes of `received()`.
  void consume(std::size_t count) { machine_->incoming().take(count); }

  /// Encrypts. Errors: `connection_closed` after `close`; `limit_exceeded` while 1 MiB waits for a
  /// peer that does not read.
  [[nodiscard]] result<void> send(bytes_view plaintext) { return machine_->send(plaintext); }
  /// What is to be written to the network, in order. Valid until the next call that is not const.
  [[nodiscard]] bytes_view outgoing() const noexcept { return machine_->outgoing().view(); }
  /// The first `count` bytes of `outgoing()` were written.
  void sent(std::size_t count) { machine_->outgoing().take(count); }

  /// Says that nothing more will be sent; receiving goes on until the peer says the same. With
  /// integrity only, TLS 1.2, it ends both directions: what the peer still sends is discarded, and
  /// after the peer closed nothing can be sent. Errors: `backend_failed`.
  [[nodiscard]] result<void> close() { return machine_->close(); }
  /// The peer sends nothing more, and said so: a connection that ends without this was cut off.
  [[nodiscard]] bool peer_closed() const noexcept { return machine_->peer_closed(); }
  /// Whether it ended in both directions, or was refused.
  [[nodiscard]] bool closed() const noexcept { return machine_->closed(); }

  /// Ends the session of a peer that is not welcome any more, with the alert of all refusals.
  void refuse(error why) { machine_->refuse(std::move(why)); }

  /// Asks for new traffic keys in both directions (RFC 8446, 4.6.3); a peer takes that at most once
  /// a second. Errors: as `receive`.
  [[nodiscard]] result<void> update_keys() { return machine_->update_keys(); }

  /// A secret bound to this connection that both ends can compute (RFC 8446, 7.5). Errors:
  /// `backend_failed`.
  [[nodiscard]] result<secret_key> exported_key(std::string_view label,
                                                std::size_t size = 32) const {
    return machine_->exported(label, size);
  }

  /// Whether and by what it is encrypted.
  [[nodiscard]] const negotiation& protection() const noexcept {
    return machine_->agreed().protection;
  }
  /// "TLS 1.3", and the key agreement as Botan names it.
  [[nodiscard]] const std::string& version() const noexcept { return machine_->agreed().version; }
  /// The key agreement that the handshake used.
  [[nodiscard]] const std::string& group() const noexcept { return machine_->agreed().group; }
  /// The half that this side plays.
  [[nodiscard]] auth::side side() const noexcept { return machine_->side(); }

 private:
  friend class handshake;
  explicit session(std::unique_ptr<detail::machine> machine) noexcept
      : machine_(std::move(machine)) {}

  std::unique_ptr<detail::machine> machine_;
};

/// A connection that is being made. Its peer is a stranger: there is no way to send or receive
/// data. Move-only; one thread at a time.
class handshake {
 public:
  /// For the library's own use: `context::connect` and `context::accept` make these.
  explicit handshake(std::unique_ptr<detail::machine> machine) noexcept
      : machine_(std::move(machine)) {}

  /// Takes bytes that came from the network; then send what is `outgoing`, also after an error: it
  /// is the alert that the peer is told. Errors, for the log and never for the peer:
  /// `peer_unproven`, `peer_unknown`, `not_permitted`, those of certificates, `encryption_refused`,
  /// `refused_by_peer`, `handshake_failed`, `limit_exceeded`.
  [[nodiscard]] result<void> receive(bytes_view from_network) {
    return machine_->receive(from_network);
  }
  /// Bytes for the peer, until `sent` says that they went.
  [[nodiscard]] bytes_view outgoing() const noexcept { return machine_->outgoing().view(); }
  /// Says how many of the outgoing bytes went.
  void sent(std::size_t count) { machine_->outgoing().take(count); }

  /// Whether the peer is proven and this side has accepted it. Send what is `outgoing` all the
  /// same. A connector finishes first: whether the acceptor accepts it shows with what comes next.
  [[nodiscard]] bool finished() const { return machine_->finished(); }

  /// Who the peer is, once it is finished; nobody before, and after `finish`.
  [[nodiscard]] const auth::proof* proof() const noexcept {
    return machine_ != nullptr && machine_->finished() ? &*machine_->proof() : nullptr;
  }
  /// Ends it with the alert of all refusals, which is `outgoing` then.
  void refuse(error why) { machine_->refuse(std::move(why)); }

  /// The session, once. Errors: the refusal, or `handshake_failed` when it is not finished.
  [[nodiscard]] result<session> finish() && {
    if (machine_->finished()) return session(std::move(machine_));
    if (const auto& why = machine_->failure()) return *why;
    return error(errc::handshake_failed).with(fact::reason, "it is not finished");
  }

 private:
  std::unique_ptr<detail::machine> machine_;
};

}  // namespace keywarden::transport

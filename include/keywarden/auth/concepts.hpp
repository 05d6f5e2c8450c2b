/// @file
/// The authenticator concept: how an instance proves itself and judges who is at the other end.
#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <keywarden/auth/evidence.hpp>
#include <keywarden/auth/proof.hpp>
#include <keywarden/core/clock.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/pki/signing_key.hpp>

namespace keywarden::auth {

/// The forms of authentication. An endpoint has exactly one.
namespace form {
/// Both ends show X.509 certificates.
struct certificate {
  static constexpr std::string_view name = "certificate";
};
/// Both ends hold a shared key for this ordered pair of instances.
struct shared_key {
  static constexpr std::string_view name = "pre-shared key";
};
/// The acceptor shows a certificate and asks for none: connectors are anonymous.
struct server_certificate {
  static constexpr std::string_view name = "server certificate";
};
/// Whether instances of a form show certificates.
template <class Form>
inline constexpr bool shows_certificate =
    std::same_as<Form, certificate> || std::same_as<Form, server_certificate>;
}  // namespace form

/// A pre-shared key for one direction between two instances, before it is imported into TLS
/// (RFC 9258).
struct shared_key_offer {
  std::string identity;  ///< the external identity, public
  secret_key key;        ///< at least 32 bytes
};

namespace detail {
template <class T>
concept shows_certificates = requires(const T& with, time_point now) {
  // The chain and key to show now; read once for each handshake, from a snapshot.
  { with.own(now) } -> std::same_as<result<std::shared_ptr<const pki::identity>>>;
};
template <class T>
concept holds_shared_keys = requires(const T& with, std::string_view dialled,
                                     std::string_view identity) {
  // The connector's key towards the instance it dials.
  { with.offer(dialled) } -> std::same_as<result<shared_key_offer>>;
  // The acceptor's key for an identity, if it knows it.
  { with.find(identity) } -> std::same_as<std::optional<secret_key>>;
};
}  // namespace detail

/// A concept matching forms of authentication: they supply this instance's own credential and
/// judge the peer's evidence. Satisfied by `certificate<trust::pinned>`,
/// `certificate<trust::chain<…>>`, `pre_shared_key`, `anonymous_connectors`.
///
/// `judge` is called once a peer has proved possession (TLS Finished), never before, and answers
/// with the principal or with the exact reason for the log; the peer is told nothing of it.
/// `permits` says whether that principal may still be connected now. All are safe from any thread
/// and never block; they read snapshots that `reload` functions replace.
///
/// May have besides: `generation()`, another number when what it knows was replaced;
/// `registered(der)`, an `optional<pki::certificate>` that it has of exactly these bytes, so that
/// an engine need not read them again (it compares the bytes itself).
template <class T>
concept authenticator = std::copy_constructible<T> &&
    requires(const T& with, const peer_evidence& evidence, const principal& who, time_point now) {
  typename T::form;
  { with.judge(evidence, now) } -> std::same_as<result<principal>>;
  { with.permits(who) } -> std::same_as<result<void>>;
} &&((form::shows_certificate<typename T::form> && detail::shows_certificates<T>) ||
     (std::same_as<typename T::form, form::shared_key> && detail::holds_shared_keys<T>));

}  // namespace keywarden::auth

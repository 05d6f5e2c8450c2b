/// @file
/// Named secrets that the members of a deployment share, in its store.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <keywarden/vault/scale_out/shared_key.hpp>

namespace keywarden {

namespace detail {

/// What shared secrets are sealed for.
struct shared_secret_purpose {
  static constexpr std::string_view name = "scale-out/secret";
};

[[nodiscard]] inline std::string shared_secret_prefix(const object_name& deployment) {
  return scale_out_prefix(deployment) + "secret/";
}
[[nodiscard]] inline bytes shared_secret_context(const record_name& name) {
  bytes made;
  append_length_prefixed(made, as_bytes(name.text()));
  return made;
}

}  // namespace detail

/// The secrets of a deployment, such as connection strings and credentials: each is a message under
/// the shared key, bound to its name.
///
/// Protects: secrecy and integrity against whoever can write the store and is no member; a secret
/// opens under its own name only. Does not protect: the names, the sizes; against putting an
/// earlier value back, or removing one. Any thread.
template <class State, crypto::aead Cipher>
class shared_secrets {
  using key = shared_key<detail::shared_secret_purpose, State, Cipher, format::native>;

 public:
  /// The largest secret, in bytes.
  static constexpr std::size_t max_size = 65536;

  /// Made by `scale_out::secrets`.
  explicit shared_secrets(std::shared_ptr<State> state) : state_(state), key_(std::move(state)) {}

  /// Stores a secret under a name, in place of one that is there. Errors: `limit_exceeded`; as
  /// `shared_key::seal`; those of the store.
  [[nodiscard]] result<void> put(const object_name& name, bytes_view secret) {
    if (secret.size() > max_size)
      return error(errc::limit_exceeded)
          .with(fact::name, name.text())
          .with(fact::limit, max_size)
          .with(fact::actual, secret.size());
    const auto at = record_of(name);
    for (int attempt = 0;; ++attempt) {
      auto sealed = key_.seal(secret, detail::shared_secret_context(at));
      if (!sealed) return sealed.error();
      auto present = state_->records().get(at);
      if (!present) return present.error();
      store::transaction changes;
      if (*present)
        changes.replace(at, (*present)->revision, to_bytes(sealed->view()));
      else
        changes.create(at, to_bytes(sealed->view()));
      auto written = state_->records().commit(changes);
      if (written || written.error().code() != errc::store_conflict || attempt == 16)
        return written;
      store::stand_back(attempt);
    }
  }

  /// Errors: `not_found`; as `shared_key::open`, with the name.
  [[nodiscard]] result<plaintext> get(const object_name& name) const {
    const auto at = record_of(name);
    auto present = state_->records().get(at);
    if (!present) return present.error();
    if (!*present)
      return error(errc::not_found).with(fact::kind, "secret").with(fact::name, name.text());
    auto opened = key_.open(sealed<detail::shared_secret_purpose>(std::move((*present)->data)),
                            detail::shared_secret_context(at));
    if (!opened) return error(opened.error()).with(fact::name, name.text());
    return opened;
  }

  /// The names, sorted. Errors: those of the store.
  [[nodiscard]] result<std::vector<std::string>> list() const {
    auto names = state_->records().list(detail::shared_secret_prefix(state_->deployment()));
    if (!names) return names.error();
    return detail::last_parts(*names);
  }

  /// Errors: `not_found`; `store_conflict`.
  [[nodiscard]] result<void> drop(const object_name& name) {
    const auto at = record_of(name);
    auto present = state_->records().get(at);
    if (!present) return present.error();
    if (!*present)
      return error(errc::not_found).with(fact::kind, "secret").with(fact::name, name.text());
    store::transaction changes;
    changes.erase(at, (*present)->revision);
    return state_->records().commit(changes);
  }

 private:
  [[nodiscard]] record_name record_of(const object_name& name) const {
    return detail::joined(detail::shared_secret_prefix(state_->deployment()) + name.text());
  }

  std::shared_ptr<State> state_;
  key key_;
};

}  // namespace keywarden

/// @file
/// Named documents of a database that nobody can alter who can only write the store.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <keywarden/key/stream.hpp>
#include <keywarden/vault/by.hpp>
#include <keywarden/vault/symmetric_keys.hpp>

namespace keywarden {

/// A document as it was read, with the revision to name when replacing it.
struct sealed_document {
  /// What was sealed.
  plaintext content;
  /// Which write this was, for compare-and-swap.
  store::revision revision;
};

/// What documents are sealed for.
struct document_purpose {
  static constexpr std::string_view name = "documents";
};

/// The sealed documents of one database, each a sealed stream under the symmetric key `documents`,
/// which is made on first use and opened through the database master key only: a key that somebody
/// made for a certificate's public key is not taken for it.
///
/// Protects: secrecy and integrity of the content against whoever can write the store but not open
/// the database master key; a document belongs to its database and its name and opens nowhere else.
/// Does not protect: the names, the sizes, the number of documents; against putting back an earlier
/// state of a whole document, or removing it. Rotate the key like any other; dropping it loses all
/// documents. Any thread.
template <class State, crypto::aead Cipher>
class sealed_documents {
 public:
  /// The largest content: 4 MiB, as much as a directory of principals takes
  /// (`auth::max_directory_size`). Sealed it stays below the 16 MiB of a store's record.
  static constexpr std::size_t max_size = std::size_t{4} << 20U;

  sealed_documents(std::shared_ptr<State> state, object_name database)
      : state_(std::move(state)), database_(database) {}

  /// Seals and stores `content` in place of the document at revision `expected`; `std::nullopt` for
  /// a document that must not be there yet. Errors: `store_conflict` when it is not in that state;
  /// `limit_exceeded`; `not_found` without a database master key; `not_open`; as opening a
  /// symmetric key.
  [[nodiscard]] result<void> put(const object_name& name, bytes_view content,
                                 std::optional<store::revision> expected) {
    if (content.size() > max_size)
      return error(errc::limit_exceeded)
          .with(fact::kind, "document")
          .with(fact::name, name.text())
          .with(fact::limit, max_size)
          .with(fact::actual, content.size());
    const auto lock = state_->lock();
    auto key = open_or_create_key();
    if (!key) return key.error();
    bytes sealed;
    auto made = key->seal(memory_source(content), bytes_sink(sealed), associated_data(name));
    if (!made) return made.error();
    store::transaction changes;
    if (expected)
      changes.replace(record_of(name), *expected, std::move(sealed));
    else
      changes.create(record_of(name), std::move(sealed));
    return state_->commit(std::move(changes));
  }

  /// Opens a document. Errors: `not_found`; `authentication_failed` and the others of opening a
  /// sealed stream for one that was altered or belongs elsewhere; as opening a symmetric key.
  [[nodiscard]] result<sealed_document> get(const object_name& name) {
    const auto lock = state_->lock();
    auto found = state_->records().get(record_of(name));
    if (!found) return found.error();
    if (!*found) return missing(name);
    const bytes_view sealed((*found)->data);
    if (auto largest = stream_key::sealed_size(max_size); !largest || sealed.size() > *largest)
      return error(errc::limit_exceeded)
          .with(fact::kind, "document")
          .with(fact::name, name.text())
          .with(fact::limit, max_size);
    auto key = open_key();
    if (!key)
      return error(key.error().code())
          .with(fact::kind, "document")
          .with(fact::name, name.text())
          .because(key.error());
    plaintext content(sealed.size());
    span_sink out(content.view());
    auto opened = key->open(memory_source(sealed), out, associated_data(name));
    if (!opened) return error(opened.error()).with(fact::name, name.text());
    content.shrink(out.size());
    return sealed_document{std::move(content), (*found)->revision};
  }

  /// The names, sorted. Errors: those of the store.
  [[nodiscard]] result<std::vector<std::string>> list() {
    const auto lock = state_->lock();
    auto names = state_->records().list(prefix());
    if (!names) return names.error();
    return detail::last_parts(*names);
  }

  /// Errors: `not_found`, `store_conflict`.
  [[nodiscard]] result<void> drop(const object_name& name) {
    const auto lock = state_->lock();
    auto present = state_->records().get(record_of(name));
    if (!present) return present.error();
    if (!*present) return missing(name);
    store::transaction changes;
    changes.erase(record_of(name), (*present)->revision);
    return state_->commit(std::move(changes));
  }

 private:
  using stream_key = opened_stream_key<document_purpose, stream::native, Cipher>;

  [[nodiscard]] static object_name key_name() { return object_name("documents"); }
  [[nodiscard]] static error missing(const object_name& name) {
    return error(errc::not_found).with(fact::kind, "document").with(fact::name, name.text());
  }
  /// Documents are no key records, so they live beside the databases' folders, not in them.
  [[nodiscard]] std::string prefix() const { return "master/document/" + database_.text() + "/"; }
  [[nodiscard]] record_name record_of(const object_name& name) const {
    return detail::joined(prefix() + name.text());
  }
  [[nodiscard]] bytes associated_data(const object_name& name) const {
    bytes made;
    append_length_prefixed(made, as_bytes("keywarden/1/document"));
    append_length_prefixed(made, as_bytes(database_.text()));
    append_length_prefixed(made, as_bytes(name.text()));
    return made;
  }

  [[nodiscard]] result<stream_key> open_key() {
    require_edge<role::database_master_key, role::symmetric_key>();
    require_edge<role::symmetric_key, role::data>();
    const auto at = detail::object_record_name<role::symmetric_key>(database_, key_name());
    auto loaded = state_->load(at);
    if (!loaded) return loaded.error();
    auto parent = database_master_key_handle<State>(state_, database_).parent();
    if (!parent) return parent.error();
    auto record =
        opened_record::open_through(loaded->record, role::symmetric_key::name, at.text(), *parent);
    if (!record) return record.error();
    auto ring = detail::load_ring(*record);
    if (!ring) return ring.error();
    return stream_key::create(*ring);
  }
  [[nodiscard]] result<stream_key> open_or_create_key() {
    auto key = open_key();
    if (key || key.error().code() != errc::not_found) return key;
    auto made =
        symmetric_keys<State, Cipher>(state_, database_).create(key_name(), by::master_key{});
    if (!made && made.error().code() != errc::already_exists &&
        made.error().code() != errc::store_conflict)
      return made.error();
    return open_key();  // ours, or that of another process which was first
  }

  std::shared_ptr<State> state_;
  object_name database_;
};

}  // namespace keywarden

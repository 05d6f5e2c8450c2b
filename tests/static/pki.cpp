// The concepts of certificates: an archetype accepted, and one near-miss for each requirement.
#include <keywarden/pki/certificate_store.hpp>
#include <keywarden/pki/revocation.hpp>
#include <keywarden/pki/self_signed.hpp>

namespace keywarden::pki {
namespace static_pki {

// revocation_check

//[revocation_check
struct archetype_check {
  static constexpr std::string_view name = "archetype";
  static constexpr revocation_mode mode = revocation_mode::offline;
  [[nodiscard]] revocation_snapshot snapshot() const { return {}; }
};
static_assert(revocation_check<archetype_check>);
//]
static_assert(revocation_check<revocation::no_check>);
static_assert(revocation_check<revocation::online>);
static_assert(revocation_check<revocation::offline>);

struct check_without_name {
  static constexpr revocation_mode mode = revocation_mode::offline;
  [[nodiscard]] revocation_snapshot snapshot() const { return {}; }
};
struct check_without_mode {
  static constexpr std::string_view name = "x";
  [[nodiscard]] revocation_snapshot snapshot() const { return {}; }
};
struct check_without_snapshot {
  static constexpr std::string_view name = "x";
  static constexpr revocation_mode mode = revocation_mode::offline;
};
struct check_that_needs_itself_alone : archetype_check {
  [[nodiscard]] revocation_snapshot snapshot() { return {}; }
};
struct check_that_may_fail : archetype_check {
  [[nodiscard]] result<revocation_snapshot> snapshot() const { return revocation_snapshot(); }
};
struct check_that_cannot_be_copied : archetype_check {
  check_that_cannot_be_copied(const check_that_cannot_be_copied&) = delete;
  check_that_cannot_be_copied& operator=(const check_that_cannot_be_copied&) = delete;
};
static_assert(!revocation_check<check_without_name> && !revocation_check<check_without_mode>);
static_assert(!revocation_check<check_without_snapshot>);
static_assert(!revocation_check<check_that_needs_itself_alone>);
static_assert(!revocation_check<check_that_may_fail>);
static_assert(!revocation_check<check_that_cannot_be_copied> && !revocation_check<int>);

// signature_algorithm

struct archetype_algorithm {
  static constexpr std::string_view name = "archetype";
  static constexpr bool usable_in_tls = true;
  [[nodiscard]] static std::unique_ptr<Botan::Private_Key> generate(Botan::RandomNumberGenerator&);
};
static_assert(signature_algorithm<archetype_algorithm>);
static_assert(signature_algorithm<ecdsa_p256> && signature_algorithm<ecdsa_p384>);
static_assert(signature_algorithm<rsa<>> && signature_algorithm<rsa<4096>>);
static_assert(signature_algorithm<ed25519> && !ed25519::usable_in_tls);

struct algorithm_without_name {
  static constexpr bool usable_in_tls = true;
  [[nodiscard]] static std::unique_ptr<Botan::Private_Key> generate(Botan::RandomNumberGenerator&);
};
struct algorithm_of_unknown_use {
  static constexpr std::string_view name = "x";
  [[nodiscard]] static std::unique_ptr<Botan::Private_Key> generate(Botan::RandomNumberGenerator&);
};
struct algorithm_without_keys {
  static constexpr std::string_view name = "x";
  static constexpr bool usable_in_tls = true;
};
struct algorithm_with_public_keys {
  static constexpr std::string_view name = "x";
  static constexpr bool usable_in_tls = true;
  [[nodiscard]] static std::unique_ptr<Botan::Public_Key> generate(Botan::RandomNumberGenerator&);
};
static_assert(!signature_algorithm<algorithm_without_name>);
static_assert(!signature_algorithm<algorithm_of_unknown_use>);
static_assert(!signature_algorithm<algorithm_without_keys>);
static_assert(!signature_algorithm<algorithm_with_public_keys> && !signature_algorithm<int>);

// certificate_store

struct archetype_store {
  result<void> import(const object_name&, bytes_view, const secret_key&, by::master_key);
  result<void> import(const object_name&, bytes_view, const secret_key&, const by::password&);
  result<bytes> certificate_der(const object_name&);
  result<bytes> authentic_certificate_der(const object_name&, const keywarden::password*);
  result<secret_key> open_private_key(const object_name&, const keywarden::password*);
  result<private_key_protection> protection(const object_name&);
  result<std::vector<std::string>> list();
};
static_assert(certificate_store<archetype_store>);

struct store_without_passwords : archetype_store {
  result<void> import(const object_name&, bytes_view, const secret_key&, by::master_key);
};
struct store_without_master_key : archetype_store {
  result<void> import(const object_name&, bytes_view, const secret_key&, const by::password&);
};
struct store_that_shows_bytes : archetype_store {
  result<bytes> open_private_key(const object_name&, const keywarden::password*);
};
struct store_of_claims_only : archetype_store {
  void authentic_certificate_der() = delete;
};
struct store_that_opens_only : archetype_store {
  void certificate_der() = delete;
};
struct store_of_unknown_protection : archetype_store {
  void protection() = delete;
};
struct store_without_list : archetype_store {
  void list() = delete;
};
static_assert(!certificate_store<store_without_passwords>);
static_assert(!certificate_store<store_without_master_key>);
static_assert(!certificate_store<store_that_shows_bytes>);
static_assert(!certificate_store<store_of_claims_only>);
static_assert(!certificate_store<store_that_opens_only>);
static_assert(!certificate_store<store_of_unknown_protection>);
static_assert(!certificate_store<store_without_list> && !certificate_store<int>);

// Values and secrets

static_assert(std::regular<fingerprint> && std::regular<key_fingerprint>);
static_assert(!std::same_as<fingerprint, key_fingerprint>);
static_assert(std::copyable<certificate> && std::equality_comparable<certificate>);
static_assert(std::movable<signing_key> && !std::copyable<signing_key>);
static_assert(std::copyable<trust_anchors> && std::copyable<revocation_snapshot>);
static_assert(!std::default_initializable<certificate>);

}  // namespace static_pki

}  // namespace keywarden::pki

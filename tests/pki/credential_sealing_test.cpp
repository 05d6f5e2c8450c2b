// Stored credentials: what each half can do, rotation, and everything that must not open.
#include <keywarden/pki/credential_sealing.hpp>

#include <boost/test/unit_test.hpp>

#include "pki/fixture.hpp"

namespace keywarden::pki {
namespace credential_sealing_test {

using testing::accepted;
using testing::day;
using testing::noon;
using testing::refused_as;

constexpr std::string_view connection = "Server=tcp:db1;User ID=split;Password=correct horse";
constexpr std::string_view owner = "request 17/source";

struct metadata_settings {
  static constexpr std::string_view name = "metadata settings";
};

plaintext credential(std::string_view text = connection) {
  return plaintext::copy_of(as_bytes(text));
}

template <signature_algorithm Algorithm>
identity made(const std::string& name, time_point expiry = noon + 365 * day) {
  auto key = signing_key::generate<Algorithm>().value();
  auto shown = make_encryption_certificate(key, {name, {}, {}, noon, expiry}, noon).value();
  return {{std::move(shown)}, std::make_shared<const signing_key>(std::move(key))};
}
// Keys are slow to make: one of each for all cases.
const identity& rsa_key() {
  static const auto one = made<rsa<2048>>("DataEncryptionPrimary");
  return one;
}
const identity& p256_key() {
  static const auto one = made<ecdsa_p256>("DataEncryptionSecondary");
  return one;
}
const identity& strangers_key() {
  static const auto one = made<ecdsa_p256>("another service");
  return one;
}
encrypt_only<> sealer_to(const identity& primary) {
  return encrypt_only<>::to(primary.chain.front()).value();
}
decrypt_only<> opener_with(const identity& own) { return decrypt_only<>::with(own).value(); }
sealed<stored_credentials> sample(const identity& to) {
  return sealer_to(to).seal(credential(), owner, noon).value();
}
certificate with_endpoint_usage(const signing_key& key) {
  return make_self_signed(key, {"endpoint"}, noon).value();
}

BOOST_AUTO_TEST_SUITE(credential_sealing)

BOOST_AUTO_TEST_CASE(what_the_web_role_seals_the_worker_opens) {
  for (const auto* each : {&rsa_key(), &p256_key()}) {
    const auto stored = sample(*each);
    const auto opened = opener_with(*each).open(stored, owner);
    BOOST_REQUIRE(accepted(opened));
    BOOST_TEST(opened->text() == connection);
    BOOST_TEST((recipients_of(stored).value() == std::vector{each->chain.front().fingerprint()}));
    BOOST_TEST(as_text(stored.view()).find("correct horse") == std::string_view::npos);
    BOOST_TEST(as_text(stored.view()).find("request 17") == std::string_view::npos);
  }
}

BOOST_AUTO_TEST_CASE(a_credential_sealed_by_the_first_version_opens) {
  const auto file = [](const char* name) {
    std::ifstream in(
        std::filesystem::path(KEYWARDEN_SOURCE_DIR) / "tests/vectors/sealed_credential_v1" / name,
        std::ios::binary);
    BOOST_REQUIRE(in.good());
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  const auto der = from_base64(file("key.base64")).value();
  const identity own{{certificate::from_pem(file("certificate.pem")).value()},
                     std::make_shared<const signing_key>(
                         signing_key::from_pkcs8(secret_key::copy_of(der)).value())};
  const sealed<stored_credentials> stored(to_bytes(as_bytes(file("credential.json"))));
  BOOST_TEST(opener_with(own).open(stored, owner).value().text() == connection);
  BOOST_TEST((recipients_of(stored).value() == std::vector{own.chain.front().fingerprint()}));
  BOOST_TEST(refused_as(errc::authentication_failed, opener_with(own).open(stored, "request 18")));
}

BOOST_AUTO_TEST_CASE(one_credential_sealed_twice_has_nothing_in_common) {
  const auto one = sample(p256_key());
  const auto two = sample(p256_key());
  const auto material = [](const auto& of) {
    const auto text = as_text(of.view());
    return text.substr(text.find("\"material\""), 60);
  };
  BOOST_TEST(material(one) != material(two));
}

BOOST_AUTO_TEST_CASE(during_a_rotation_either_key_opens) {
  const auto both = encrypt_only<>::to(rsa_key().chain.front(), p256_key().chain.front()).value();
  const auto stored = both.seal(credential(), owner, noon).value();
  BOOST_TEST(opener_with(rsa_key()).open(stored, owner).value().text() == connection);
  BOOST_TEST(opener_with(p256_key()).open(stored, owner).value().text() == connection);
  BOOST_TEST(recipients_of(stored).value().size() == 2U);
  const auto old_and_new = decrypt_only<>::with(p256_key(), &rsa_key()).value();
  BOOST_TEST(old_and_new.open(sample(rsa_key()), owner).value().text() == connection);
  BOOST_TEST(old_and_new.open(sample(p256_key()), owner).value().text() == connection);
}

BOOST_AUTO_TEST_CASE(rewrapped_for_a_new_key_the_old_one_opens_it_no_more) {
  const auto old = sample(rsa_key());
  const auto next = sealer_to(p256_key());
  BOOST_TEST(needs_rewrap(old, next).value());
  const auto now = rewrap(old, opener_with(rsa_key()), next, owner, noon);
  BOOST_REQUIRE(accepted(now));
  BOOST_TEST(!needs_rewrap(*now, next).value());
  BOOST_TEST(opener_with(p256_key()).open(*now, owner).value().text() == connection);
  BOOST_TEST(refused_as(errc::unknown_key, opener_with(rsa_key()).open(*now, owner)));
  BOOST_TEST(opener_with(rsa_key()).open(old, owner).value().text() == connection);
}

BOOST_AUTO_TEST_CASE(whatever_the_retired_key_still_opens_needs_to_be_rewrapped) {
  const auto both = encrypt_only<>::to(rsa_key().chain.front(), p256_key().chain.front()).value();
  const auto stored = both.seal(credential(), owner, noon).value();
  BOOST_TEST(!needs_rewrap(stored, both).value());
  BOOST_TEST(needs_rewrap(stored, sealer_to(p256_key())).value());
  BOOST_TEST(needs_rewrap(sample(p256_key()), both).value());
  BOOST_TEST(refused_as(errc::truncated, needs_rewrap(sealed<stored_credentials>(), both)));
}

BOOST_AUTO_TEST_CASE(a_certificate_renewed_for_the_same_key_needs_no_rewrapping) {
  const auto& key = *p256_key().key;
  const auto renewed =
      make_encryption_certificate(key, {"renewed", {}, {}, noon, noon + 999 * day}, noon).value();
  BOOST_TEST(!needs_rewrap(sample(p256_key()), encrypt_only<>::to(renewed).value()).value());
  const identity own{{renewed}, p256_key().key};
  BOOST_TEST(opener_with(own).open(sample(p256_key()), owner).value().text() == connection);
}

BOOST_AUTO_TEST_CASE(what_can_do_both_becomes_either_half) {
  const auto full = sealer_and_opener<>::with(p256_key()).value();
  const encrypt_only<> web = full;
  const decrypt_only<> worker = full;
  const auto stored = web.seal(credential(), owner, noon).value();
  BOOST_TEST(worker.open(stored, owner).value().text() == connection);
  BOOST_TEST(full.open(full.seal(credential("x"), owner, noon).value(), owner).value().text() ==
             "x");
  BOOST_TEST(!needs_rewrap(stored, full).value());
  BOOST_TEST(accepted(rewrap(stored, worker, web, owner, noon)));
}

BOOST_AUTO_TEST_CASE(empty_and_longest_credentials_open_and_a_byte_more_is_refused) {
  const auto full = sealer_and_opener<>::with(p256_key()).value();
  const plaintext longest(encrypt_only<>::max_credential);
  const auto stored = full.seal(longest, owner, noon).value();
  BOOST_TEST((full.open(stored, owner).value() == longest.view()));
  BOOST_TEST(full.open(full.seal(plaintext(), owner, noon).value(), owner).value().empty());
  const plaintext longer(encrypt_only<>::max_credential + 1);
  BOOST_TEST(refused_as(errc::limit_exceeded, full.seal(longer, owner, noon)));
}

BOOST_AUTO_TEST_CASE(a_stranger_is_told_whose_key_is_needed) {
  for (const auto* each : {&rsa_key(), &p256_key()}) {
    const auto refused = opener_with(strangers_key()).open(sample(*each), owner);
    BOOST_REQUIRE(refused_as(errc::unknown_key, refused));
    BOOST_TEST(refused.error().value_of(fact::key) == to_text(each->chain.front().fingerprint()));
  }
}

BOOST_AUTO_TEST_CASE(another_owner_or_purpose_does_not_open) {
  const auto stored = sample(p256_key());
  const auto opener = opener_with(p256_key());
  for (const std::string_view other : {"request 17/target", "request 17/sourc", ""})
    BOOST_TEST(refused_as(errc::authentication_failed, opener.open(stored, other)));
  const auto of_another = decrypt_only<metadata_settings>::with(p256_key()).value();
  BOOST_TEST(refused_as(errc::authentication_failed,
                        of_another.open(sealed<metadata_settings>(stored.to_bytes()), owner)));
}

BOOST_AUTO_TEST_CASE(an_expired_certificate_seals_nothing_new_and_still_opens) {
  const auto stored = sample(p256_key());
  const auto after = noon + 365 * day + std::chrono::seconds(1);
  const auto refused = sealer_to(p256_key()).seal(credential(), owner, after);
  BOOST_REQUIRE(refused_as(errc::certificate_expired, refused));
  BOOST_TEST(refused.error().value_of(fact::name).find("DataEncryptionSecondary") !=
             std::string_view::npos);
  BOOST_TEST(refused_as(errc::certificate_not_yet_valid,
                        sealer_to(p256_key()).seal(credential(), owner, noon - day)));
  const auto both = encrypt_only<>::to(made<ecdsa_p256>("fresh", noon + 999 * day).chain.front(),
                                       p256_key().chain.front())
                        .value();
  BOOST_TEST(refused_as(errc::certificate_expired, both.seal(credential(), owner, after)));
  BOOST_TEST(opener_with(p256_key()).open(stored, owner).value().text() == connection);
  BOOST_TEST(refused_as(errc::certificate_expired, rewrap(stored, opener_with(p256_key()),
                                                          sealer_to(rsa_key()), owner, after)));
}

BOOST_AUTO_TEST_CASE(a_certificate_for_other_uses_is_not_encrypted_to) {
  BOOST_TEST(
      refused_as(errc::certificate_usage, encrypt_only<>::to(with_endpoint_usage(*rsa_key().key))));
  BOOST_TEST(refused_as(errc::certificate_usage,
                        encrypt_only<>::to(with_endpoint_usage(*p256_key().key))));
  const auto root = authority::make_root({"root"}, noon).value();
  BOOST_TEST(refused_as(errc::certificate_usage, encrypt_only<>::to(root.certificate())));
  const auto p384 = signing_key::generate<ecdsa_p384>().value();
  BOOST_TEST(refused_as(errc::unsupported_suite, encrypt_only<>::to(with_endpoint_usage(p384))));
  BOOST_TEST(refused_as(errc::unsupported_suite, make_encryption_certificate(p384, {"x"}, noon)));
  BOOST_TEST(refused_as(
      errc::unsupported_suite,
      make_encryption_certificate(signing_key::generate<ed25519>().value(), {"x"}, noon)));
  BOOST_TEST(
      refused_as(errc::invalid_argument, make_encryption_certificate(*p256_key().key, {""}, noon)));
}

BOOST_AUTO_TEST_CASE(an_encryption_certificate_is_no_endpoints_and_no_authoritys) {
  const auto& rsa_one = rsa_key().chain.front();
  const auto& p256_one = p256_key().chain.front();
  using usage = Botan::Key_Constraints;
  BOOST_TEST((rsa_one.x509().constraints() == usage(usage::KeyEncipherment)));
  BOOST_TEST((p256_one.x509().constraints() == usage(usage::KeyAgreement)));
  for (const auto* each : {&rsa_one, &p256_one}) {
    BOOST_TEST((each->is_self_signed() && !each->is_authority()));
    BOOST_TEST(each->x509().check_signature(*each->x509().subject_public_key()));
    BOOST_TEST(!each->x509().allowed_usage(Botan::Usage_Type::TLS_CLIENT_AUTH));
    BOOST_TEST(!each->x509().allowed_usage(Botan::Usage_Type::TLS_SERVER_AUTH));
  }
}

BOOST_AUTO_TEST_CASE(a_private_key_of_another_certificate_is_refused) {
  const identity mixed{p256_key().chain, rsa_key().key};
  BOOST_TEST(refused_as(errc::invalid_argument, decrypt_only<>::with(mixed)));
  BOOST_TEST(refused_as(errc::invalid_argument, sealer_and_opener<>::with(mixed)));
  BOOST_TEST(refused_as(errc::invalid_argument,
                        decrypt_only<>::with(identity{p256_key().chain, nullptr})));
  BOOST_TEST(refused_as(errc::invalid_argument, decrypt_only<>::with(identity{})));
  BOOST_TEST(refused_as(errc::invalid_argument, sealer_and_opener<>::with(identity{})));
}

BOOST_AUTO_TEST_CASE(one_key_twice_is_no_rotation) {
  const auto& one = p256_key().chain.front();
  BOOST_TEST(refused_as(errc::invalid_argument, encrypt_only<>::to(one, one)));
  BOOST_TEST(refused_as(errc::invalid_argument, decrypt_only<>::with(p256_key(), &p256_key())));
}

BOOST_AUTO_TEST_CASE(every_altered_byte_is_refused) {
  const auto both = encrypt_only<>::to(p256_key().chain.front(), rsa_key().chain.front()).value();
  const auto stored = both.seal(credential(), owner, noon).value().to_bytes();
  const auto opener = opener_with(p256_key());
  std::size_t opened = 0;
  std::set<errc> reasons;
  for (std::size_t at = 0; at < stored.size(); ++at) {
    auto altered = stored;
    altered[at] = static_cast<std::uint8_t>(altered[at] ^ (1U << (at % 8)));
    const auto answer = opener.open(sealed<stored_credentials>(std::move(altered)), owner);
    if (answer)
      ++opened;
    else
      reasons.insert(answer.error().code());
  }
  BOOST_TEST(opened == 0U);
  for (const auto each : reasons)
    BOOST_TEST((each == errc::malformed || each == errc::authentication_failed ||
                each == errc::truncated || each == errc::unknown_key ||
                each == errc::unsupported_version || each == errc::limit_exceeded),
               name_of(each));
  BOOST_TEST(reasons.contains(errc::authentication_failed));
}

BOOST_AUTO_TEST_CASE(an_altered_rsa_ciphertext_fails_authentication) {
  auto stored = sample(rsa_key()).to_bytes();
  const auto at = as_text(stored).find("\"ciphertext\": \"") + 40;
  stored[at] = stored[at] == 'A' ? 'B' : 'A';
  BOOST_TEST(refused_as(errc::authentication_failed,
                        opener_with(rsa_key()).open(sealed<stored_credentials>(stored), owner)));
}

BOOST_AUTO_TEST_CASE(cut_anywhere_it_is_truncated) {
  const auto stored = sample(p256_key()).to_bytes();
  const auto opener = opener_with(p256_key());
  for (std::size_t size = 0; size < stored.size(); ++size) {
    const auto cut = sealed<stored_credentials>(
        bytes(stored.begin(), stored.begin() + static_cast<std::ptrdiff_t>(size)));
    BOOST_TEST_REQUIRE(refused_as(errc::truncated, opener.open(cut, owner)));
  }
  auto longer = stored;
  longer.push_back('\n');
  BOOST_TEST(refused_as(errc::truncated,
                        opener.open(sealed<stored_credentials>(std::move(longer)), owner)));
}

BOOST_AUTO_TEST_CASE(slots_of_two_credentials_do_not_mix) {
  const auto first = sample(p256_key()).to_bytes();
  const auto second = sample(p256_key()).to_bytes();
  // The second one's material and MAC behind the first one's header.
  const auto part = [](const bytes& of, bool front) {
    const auto text = as_text(of);
    const auto at = text.find(" \"material\"");
    return std::string(front ? text.substr(0, at) : text.substr(at));
  };
  const auto mixed = part(first, true) + part(second, false);
  BOOST_TEST(refused_as(
      errc::authentication_failed,
      opener_with(p256_key()).open(sealed<stored_credentials>(to_bytes(as_bytes(mixed))), owner)));
}

BOOST_AUTO_TEST_CASE(what_is_too_large_is_refused_before_it_is_parsed) {
  const sealed<stored_credentials> huge(bytes((std::size_t{1} << 17U) + 1, ' '));
  const auto opener = opener_with(p256_key());
  BOOST_TEST(refused_as(errc::limit_exceeded, opener.open(huge, owner)));
  BOOST_TEST(refused_as(errc::limit_exceeded, recipients_of(huge)));
  BOOST_TEST(refused_as(errc::limit_exceeded, needs_rewrap(huge, sealer_to(p256_key()))));
}

BOOST_AUTO_TEST_CASE(more_than_two_recipients_are_refused) {
  const std::vector<detail::credential_recipient> three{
      detail::recipient_to(p256_key().chain.front()).value(),
      detail::recipient_to(rsa_key().chain.front()).value(),
      detail::recipient_to(strangers_key().chain.front()).value()};
  const auto crowded =
      detail::seal_credential(three, stored_credentials::name, owner, credential()).value();
  BOOST_TEST(refused_as(errc::limit_exceeded,
                        opener_with(p256_key()).open(sealed<stored_credentials>(crowded), owner)));
}

BOOST_AUTO_TEST_CASE(a_record_of_another_kind_is_no_credential) {
  const auto name = detail::credential_name(stored_credentials::name, owner).value();
  auto record =
      opened_record::create("backup", name, detail::credential_floor, credential()).value();
  const auto to = detail::recipient_to(p256_key().chain.front()).value();
  const auto& protector = std::get<detail::credential_recipient::p256>(to.protector);
  BOOST_REQUIRE(accepted(record.add_slot(protector, to_hex(to.certificate.view()))));
  const auto other = record.encode().value();
  BOOST_TEST(refused_as(errc::authentication_failed,
                        opener_with(p256_key()).open(sealed<stored_credentials>(other), owner)));
  auto unlabelled =
      opened_record::create("credential", name, detail::credential_floor, credential()).value();
  BOOST_REQUIRE(accepted(unlabelled.add_slot(protector, "me")));
  BOOST_TEST(refused_as(errc::malformed,
                        opener_with(p256_key())
                            .open(sealed<stored_credentials>(unlabelled.encode().value()), owner)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace credential_sealing_test

}  // namespace keywarden::pki

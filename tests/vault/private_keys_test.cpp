// Certificates' private keys and asymmetric keys as wrapped material.
#include "vault/compiled_once.hpp"

#include <botan/ec_group.h>
#include <botan/ecdsa.h>
#include <botan/ed25519.h>
#include <botan/pkcs8.h>
#include <botan/rsa.h>
#include <botan/x509_ca.h>
#include <botan/x509_ext.h>
#include <botan/x509self.h>

#include <boost/test/unit_test.hpp>

namespace keywarden::testing {
namespace private_keys_test {

const password own("Cert-Pass-1");
const password next("Cert-Pass-2");
const password file_password("File-Pass-3");

/// A self-signed certificate in DER with its private key in PKCS#8.
struct issued {
  bytes certificate;
  secret_key key;
};
issued self_signed(const Botan::Private_Key& key, std::string_view hash = "SHA-256") {
  Botan::System_RNG random;
  Botan::X509_Cert_Options options("keywarden test/DE/tests/vault");
  const auto made = Botan::X509::create_self_signed_cert(options, key, hash, random);
  return {made.BER_encode(), secret_key::copy_of(Botan::PKCS8::BER_encode(key))};
}
issued rsa_certificate(std::size_t bits = 2048) {
  Botan::System_RNG random;
  return self_signed(Botan::RSA_PrivateKey(random, bits));
}
issued ec_certificate(std::string_view curve = "secp256r1") {
  Botan::System_RNG random;
  return self_signed(Botan::ECDSA_PrivateKey(random, Botan::EC_Group::from_name(curve)));
}

struct office {
  installation<> here;
  vault v = here.open_or_create();
  database_handle db = with_master_key(v);

  [[nodiscard]] std::string protection_of(std::string_view key) const {
    std::string types;
    for (const auto& each : db.key_encryptions().value())
      if (each.key == key) types += each.crypt_type;
    return types;
  }
  /// Whether a symmetric key under this certificate opens.
  [[nodiscard]] bool works(std::string_view certificate, const password* known = nullptr) const {
    static int count = 0;
    const auto name = "under" + std::to_string(++count);
    if (!db.keys().create(called(name), by::certificate{called(certificate), known})) return false;
    const auto message = db.keys().open<rows>(called(name), known);
    const bool good =
        message && message->open(message->seal(as_bytes("x")).value()).value().text() == "x";
    return db.keys().drop(called(name)).has_value() && good;
  }
};

BOOST_AUTO_TEST_SUITE(private_key_stores)

BOOST_AUTO_TEST_CASE(a_new_private_key_is_under_the_master_key_unless_a_password_is_given) {
  office all;
  BOOST_TEST(accepted(all.db.certificates().create(called("default"))));
  BOOST_TEST(accepted(all.db.certificates().create(called("own"), by::password{own.duplicate()})));
  BOOST_TEST(accepted(
      all.db.asymmetric_keys().create<crypto::dhkem_x25519>(called("pair"), by::master_key{})));
  BOOST_TEST(all.protection_of("default") == "ESKM");
  BOOST_TEST(all.protection_of("own") == "ESP3");
  BOOST_TEST(all.protection_of("pair") == "ESKM");
  BOOST_TEST((all.db.certificates().list().value() == std::vector<std::string>{"default", "own"}));
  BOOST_TEST((all.db.asymmetric_keys().list().value() == std::vector<std::string>{"pair"}));
}

BOOST_AUTO_TEST_CASE(without_a_master_key_and_without_a_password_there_is_no_private_key) {
  const installation<> here;
  auto v = here.open_or_create();
  auto db = v.create_database(called("bare")).value();
  BOOST_TEST(refused_as(errc::not_found, db.certificates().create(called("c"))));
  BOOST_TEST(refused_as(errc::password_refused,
                        db.certificates().create(called("c"), by::password{password("weak")})));
  BOOST_TEST(accepted(db.certificates().create(called("c"), by::password{own.duplicate()})));
  BOOST_TEST(refused_as(errc::already_exists,
                        db.certificates().create(called("c"), by::password{own.duplicate()})));
}

BOOST_AUTO_TEST_CASE(a_key_under_a_password_certificate_opens_with_that_password_alone) {
  office all;
  all.db.certificates().create(called("c"), by::password{own.duplicate()}).value();
  all.db.keys().create(called("k"), by::certificate{called("c"), &own}).value();
  const auto message = seal(all.db, "k", "x", &own);
  BOOST_TEST(refused_as(errc::no_slot_opened, all.db.keys().open<rows>(called("k"))));
  BOOST_TEST(refused_as(errc::no_slot_opened, all.db.keys().open<rows>(called("k"), &next)));
  all.db.master_key().drop_service_key().value();
  BOOST_TEST(reads(all.db, "k", message, "x", &own));
}

BOOST_AUTO_TEST_CASE(a_public_key_that_cannot_be_authenticated_protects_nothing) {
  office all;
  all.db.certificates().create(called("c"), by::password{own.duplicate()}).value();
  BOOST_TEST(refused_as(errc::no_slot_opened,
                        all.db.keys().create(called("k"), by::certificate{called("c")})));
  BOOST_TEST(refused_as(errc::no_slot_opened,
                        all.db.keys().create(called("k"), by::certificate{called("c"), &next})));
  BOOST_TEST(all.db.keys().list().value().empty());
}

// Import

BOOST_AUTO_TEST_CASE(
    an_rsa_and_a_p256_certificate_are_imported_with_their_keys_and_protect_symmetric_keys) {
  office all;
  const auto rsa = rsa_certificate();
  const auto ec = ec_certificate();
  BOOST_TEST(accepted(all.db.certificates().import(called("rsa"), rsa.certificate, rsa.key)));
  BOOST_TEST(accepted(all.db.certificates().import(called("ec"), ec.certificate, ec.key)));
  BOOST_TEST(all.works("rsa"));
  BOOST_TEST(all.works("ec"));
  BOOST_TEST(all.protection_of("rsa") == "ESKM");
  BOOST_TEST(refused_as(errc::already_exists,
                        all.db.certificates().import(called("ec"), ec.certificate, ec.key)));
}

/// A self-signed certificate with a key usage.
issued with_usage(const Botan::Private_Key& key, Botan::Key_Constraints usage) {
  Botan::System_RNG random;
  const auto signer = Botan::X509_Object::choose_sig_format(key, random, "SHA-256", "");
  Botan::X509_DN name;
  name.add_attribute("X520.CommonName", "keywarden test");
  Botan::Extensions extensions;
  extensions.add(std::make_unique<Botan::Cert_Extension::Key_Usage>(usage), true);
  const auto start = std::chrono::system_clock::now();
  const auto made = Botan::X509_CA::make_cert(*signer, random, signer->algorithm_identifier(),
                                              key.subject_public_key(), Botan::X509_Time(start),
                                              Botan::X509_Time(start + std::chrono::hours(24)),
                                              name, name, extensions);
  return {made.BER_encode(), secret_key::copy_of(Botan::PKCS8::BER_encode(key))};
}

BOOST_AUTO_TEST_CASE(a_certificate_whose_key_usage_is_to_sign_hides_no_symmetric_key) {
  using usage = Botan::Key_Constraints;
  Botan::System_RNG random;
  const Botan::ECDSA_PrivateKey ec(random, Botan::EC_Group::from_name("secp256r1"));
  const Botan::RSA_PrivateKey rsa(random, 2048);
  office all;
  const auto imported = [&](const Botan::Private_Key& key, usage of) {
    static int count = 0;
    const auto name = "c" + std::to_string(++count);
    const auto made = with_usage(key, of);
    all.db.certificates().import(called(name), made.certificate, made.key).value();
    // Whoever signs with it gets its key, whatever it is for.
    const auto opened = all.db.certificates().open_private_key(called(name)).value();
    Botan::DataSource_Memory source(detail::view_of(opened));
    BOOST_TEST((Botan::PKCS8::load_key(source)->subject_public_key() == key.subject_public_key()));
    return name;
  };
  for (const Botan::Private_Key* key : {static_cast<const Botan::Private_Key*>(&ec),
                                        static_cast<const Botan::Private_Key*>(&rsa)}) {
    const auto name = imported(*key, usage(usage::DigitalSignature));
    const auto refusal = all.db.keys().create(called("k"), by::certificate{called(name)});
    BOOST_REQUIRE(refused_as(errc::unsupported_suite, refusal));
    BOOST_TEST(refusal.error().value_of(fact::next_step).find("key usage") !=
               std::string_view::npos);
  }
  BOOST_TEST(all.works(imported(ec, usage(usage::KeyAgreement))));
  BOOST_TEST(all.works(imported(rsa, usage(usage::KeyEncipherment))));
}

BOOST_AUTO_TEST_CASE(a_private_key_that_is_not_the_certificates_is_refused) {
  office all;
  const auto first = ec_certificate();
  const auto second = ec_certificate();
  const auto rsa = rsa_certificate();
  const auto before = all.here.all();
  BOOST_TEST(refused_as(errc::invalid_argument,
                        all.db.certificates().import(called("c"), first.certificate, second.key)));
  BOOST_TEST(refused_as(errc::invalid_argument,
                        all.db.certificates().import(called("c"), first.certificate, rsa.key)));
  BOOST_TEST((all.here.all() == before));
}

BOOST_AUTO_TEST_CASE(certificates_of_other_kinds_or_too_small_are_refused) {
  office all;
  const auto small = rsa_certificate(1024);
  const auto p521 = ec_certificate("secp521r1");
  BOOST_TEST(refused_as(errc::weaker_than_required,
                        all.db.certificates().import(called("c"), small.certificate, small.key)));
  BOOST_TEST(refused_as(errc::unsupported_suite,
                        all.db.certificates().import(called("c"), p521.certificate, p521.key)));
  BOOST_TEST(all.db.certificates().list().value().empty());
}

BOOST_AUTO_TEST_CASE(certificates_that_only_sign_are_kept_and_protect_no_symmetric_key) {
  office all;
  Botan::System_RNG random;
  const auto p384 = ec_certificate("secp384r1");
  const auto edwards = self_signed(Botan::Ed25519_PrivateKey(random), "SHA-512");
  for (const auto* each : {&p384, &edwards}) {
    BOOST_TEST(accepted(all.db.certificates().import(called("c"), each->certificate, each->key)));
    BOOST_TEST((all.db.certificates().certificate_der(called("c")).value() == each->certificate));
    BOOST_TEST((all.db.certificates().open_private_key(called("c")).value() == each->key));
    const auto refusal = all.db.keys().create(called("k"), by::certificate{called("c")});
    BOOST_REQUIRE(refused_as(errc::unsupported_suite, refusal));
    BOOST_TEST(refusal.error().value_of(fact::reason) ==
               "this certificate's key only signs: nothing can be hidden for it");
    BOOST_TEST(all.db.keys().list().value().empty());
    const auto backup = all.db.certificates().backup(called("c"), file_password).value();
    BOOST_TEST(accepted(all.db.certificates().drop(called("c"))));
    BOOST_TEST(accepted(all.db.certificates().restore(called("c"), backup, file_password)));
    BOOST_TEST((all.db.certificates().open_private_key(called("c")).value() == each->key));
    BOOST_TEST(accepted(all.db.certificates().drop(called("c"))));
  }
}

BOOST_AUTO_TEST_CASE(an_imported_private_key_opens_again_as_it_came) {
  office all;
  for (const auto& each : {rsa_certificate(), ec_certificate()}) {
    all.db.certificates().import(called("c"), each.certificate, each.key).value();
    const auto opened = all.db.certificates().open_private_key(called("c")).value();
    Botan::DataSource_Memory source(detail::view_of(opened));
    const Botan::X509_Certificate certificate(each.certificate);
    BOOST_TEST((Botan::PKCS8::load_key(source)->subject_public_key() ==
                certificate.subject_public_key_info()));
    BOOST_TEST((all.db.certificates().certificate_der(called("c")).value() == each.certificate));
    BOOST_TEST(
        (all.db.certificates().authentic_certificate_der(called("c")).value() == each.certificate));
    all.db.certificates().drop(called("c")).value();
  }
}

BOOST_AUTO_TEST_CASE(a_private_key_is_imported_under_a_password_of_its_own) {
  office all;
  const auto ec = ec_certificate();
  BOOST_TEST(refused_as(errc::password_refused,
                        all.db.certificates().import(called("c"), ec.certificate, ec.key,
                                                     by::password{password("weak")})));
  BOOST_TEST(accepted(all.db.certificates().import(called("c"), ec.certificate, ec.key,
                                                   by::password{own.duplicate()})));
  BOOST_TEST(all.protection_of("c") == "ESP3");
  BOOST_TEST(refused_as(errc::no_slot_opened, all.db.certificates().open_private_key(called("c"))));
  BOOST_TEST(
      refused_as(errc::no_slot_opened, all.db.certificates().open_private_key(called("c"), &next)));
  BOOST_TEST(accepted(all.db.certificates().open_private_key(called("c"), &own)));
  BOOST_TEST(refused_as(errc::no_slot_opened,
                        all.db.certificates().authentic_certificate_der(called("c"))));
  BOOST_TEST(accepted(all.db.certificates().certificate_der(called("c"))));
}

BOOST_AUTO_TEST_CASE(a_key_pair_without_a_certificate_neither_shows_one_nor_signs) {
  office all;
  all.db.certificates().create<crypto::dhkem_p256>(called("c")).value();
  BOOST_TEST(refused_as(errc::not_found, all.db.certificates().certificate_der(called("c"))));
  BOOST_TEST(
      refused_as(errc::not_found, all.db.certificates().authentic_certificate_der(called("c"))));
  BOOST_TEST(
      refused_as(errc::unsupported_suite, all.db.certificates().open_private_key(called("c"))));
  BOOST_TEST(refused_as(errc::not_found, all.db.certificates().certificate_der(called("none"))));
  BOOST_TEST(refused_as(errc::not_found, all.db.certificates().open_private_key(called("none"))));
}

BOOST_AUTO_TEST_CASE(somebody_elses_certificate_has_no_private_key_until_one_is_attached) {
  office all;
  const auto theirs = ec_certificate();
  const auto others = ec_certificate();
  BOOST_TEST(accepted(all.db.certificates().import_public(called("c"), theirs.certificate)));
  BOOST_TEST(name_of(all.db.certificates().protection(called("c")).value()) == "NA");
  BOOST_TEST(
      (all.db.certificates().authentic_certificate_der(called("c")).value() == theirs.certificate));
  BOOST_TEST(refused_as(errc::not_found, all.db.certificates().open_private_key(called("c"))));
  BOOST_TEST(refused_as(errc::already_exists,
                        all.db.certificates().import_public(called("c"), others.certificate)));
  BOOST_TEST(refused_as(errc::malformed, all.db.certificates().import_public(called("d"), {})));
  BOOST_TEST(refused_as(errc::invalid_argument,
                        all.db.certificates().attach_private_key(called("c"), others.key)));
  BOOST_TEST(refused_as(errc::not_found,
                        all.db.certificates().attach_private_key(called("none"), theirs.key)));
  BOOST_TEST(accepted(all.db.certificates().attach_private_key(called("c"), theirs.key)));
  BOOST_TEST(name_of(all.db.certificates().protection(called("c")).value()) == "MK");
  BOOST_TEST(all.works("c"));
  BOOST_TEST(refused_as(errc::already_exists,
                        all.db.certificates().attach_private_key(called("c"), theirs.key)));
  BOOST_TEST(accepted(all.db.certificates().remove_private_key(called("c"))));
  BOOST_TEST(name_of(all.db.certificates().protection(called("c")).value()) == "NA");
  const password weak("weak");
  BOOST_TEST(refused_as(errc::password_refused,
                        all.db.certificates().attach_private_key(called("c"), theirs.key, &weak)));
  BOOST_TEST(accepted(all.db.certificates().attach_private_key(called("c"), theirs.key, &own)));
  BOOST_TEST(name_of(all.db.certificates().protection(called("c")).value()) == "PW");
  BOOST_TEST(all.works("c", &own));
}

BOOST_AUTO_TEST_CASE(a_certificate_that_was_exchanged_in_the_store_is_noticed) {
  office all;
  const auto theirs = ec_certificate();
  const auto forged = ec_certificate();
  all.db.certificates().import_public(called("c"), theirs.certificate).value();
  auto text = all.here.read("db/sales/certificate/c");
  const auto good = to_base64(theirs.certificate);
  text.replace(text.find(good), good.size(), to_base64(forged.certificate));
  all.here.write("db/sales/certificate/c", text);
  BOOST_TEST((all.db.certificates().certificate_der(called("c")).value() == forged.certificate));
  BOOST_TEST(refused_as(errc::authentication_failed,
                        all.db.certificates().authentic_certificate_der(called("c"))));
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_certificate_or_no_key_are_refused_with_a_typed_error) {
  office all;
  const auto good = ec_certificate();
  const auto nothing = secret_key::copy_of(as_bytes("nothing"));
  BOOST_TEST(refused_as(errc::malformed,
                        all.db.certificates().import(called("c"), as_bytes("nothing"), good.key)));
  BOOST_TEST(refused_as(errc::malformed, all.db.certificates().import(called("c"), {}, good.key)));
  BOOST_TEST(refused_as(errc::malformed,
                        all.db.certificates().import(called("c"), good.certificate, nothing)));
  BOOST_TEST(refused_as(errc::malformed,
                        all.db.certificates().import(called("c"), good.certificate, secret_key())));
  BOOST_TEST(refused_as(errc::limit_exceeded,
                        all.db.certificates().import(called("c"), bytes(65537), good.key)));
  auto shorter = good.certificate;
  for (std::size_t size = 0; size < good.certificate.size(); size += 37) {
    shorter.assign(good.certificate.begin(),
                   good.certificate.begin() + static_cast<std::ptrdiff_t>(size));
    BOOST_TEST(!all.db.certificates().import(called("c"), shorter, good.key).has_value());
  }
}

// Drop and remove

BOOST_AUTO_TEST_CASE(a_certificate_that_protects_a_symmetric_key_keeps_its_private_key_and_itself) {
  office all;
  all.db.certificates().create(called("c")).value();
  all.db.keys().create(called("k"), by::certificate{called("c")}, by::master_key{}).value();
  const auto before = all.here.all();
  const auto refusal = all.db.certificates().drop(called("c"));
  BOOST_REQUIRE(refused_as(errc::has_dependents, refusal));
  BOOST_TEST(refusal.error().value_of(fact::name) == "db/sales/symmetric_key/k");
  BOOST_TEST(
      refused_as(errc::has_dependents, all.db.certificates().remove_private_key(called("c"))));
  BOOST_TEST((all.here.all() == before));
  for (const auto& each : all.db.key_encryptions().value())
    if (each.crypt_type == "EPUC") all.db.keys().drop_protector(called("k"), each.slot).value();
  BOOST_TEST(accepted(all.db.certificates().remove_private_key(called("c"))));
  BOOST_TEST(accepted(all.db.certificates().drop(called("c"))));
  BOOST_TEST(refused_as(errc::not_found, all.db.certificates().drop(called("c"))));
}

BOOST_AUTO_TEST_CASE(removing_the_private_half_keeps_the_public_half) {
  office all;
  all.db.certificates().create(called("c")).value();
  const auto key = all.db.certificates().public_key(called("c")).value();
  BOOST_TEST(accepted(all.db.certificates().remove_private_key(called("c"))));
  BOOST_TEST((all.db.certificates().public_key(called("c")).value() == key));
  BOOST_TEST(refused_as(errc::not_found, all.db.certificates().backup(called("c"), file_password)));
  BOOST_TEST(refused_as(errc::not_found, all.db.certificates().remove_private_key(called("c"))));
  all.db.keys().create(called("k"), by::certificate{called("c")}, by::master_key{}).value();
  BOOST_TEST(accepted(all.db.keys().open<rows>(called("k"))));  // through the master key
}

BOOST_AUTO_TEST_CASE(removing_a_private_key_under_a_password_needs_the_password) {
  office all;
  all.db.certificates().create(called("c"), by::password{own.duplicate()}).value();
  BOOST_TEST(
      refused_as(errc::no_slot_opened, all.db.certificates().remove_private_key(called("c"))));
  BOOST_TEST(refused_as(errc::no_slot_opened,
                        all.db.certificates().remove_private_key(called("c"), &next)));
  BOOST_TEST(accepted(all.db.certificates().remove_private_key(called("c"), &own)));
}

BOOST_AUTO_TEST_CASE(
    a_password_that_was_not_needed_does_not_take_a_certificate_from_the_master_key) {
  office all;
  const auto ec = ec_certificate();
  all.db.certificates().import(called("c"), ec.certificate, ec.key).value();
  BOOST_TEST(accepted(all.db.certificates().remove_private_key(called("c"), &own)));
  BOOST_TEST(all.protection_of("c") == "ESKM");
  BOOST_TEST(accepted(all.db.certificates().authentic_certificate_der(called("c"))));
  all.db.certificates()
      .import(called("d"), ec.certificate, ec.key, by::password{own.duplicate()})
      .value();
  BOOST_TEST(accepted(all.db.certificates().remove_private_key(called("d"), &own)));
  BOOST_TEST(all.protection_of("d") == "ESP3");
  BOOST_TEST(refused_as(errc::no_slot_opened,
                        all.db.certificates().authentic_certificate_der(called("d"))));
}

// Changing protection

BOOST_AUTO_TEST_CASE(protection_moves_from_the_master_key_to_a_password_and_back) {
  office all;
  all.db.certificates().create(called("c")).value();
  all.db.keys().create(called("k"), by::certificate{called("c")}).value();
  const auto message = seal(all.db, "k", "x");
  BOOST_TEST(refused_as(errc::password_refused, [&] {
    const password weak("weak");
    return all.db.certificates().change_protection(called("c"), nullptr, &weak);
  }()));
  BOOST_TEST(accepted(all.db.certificates().change_protection(called("c"), nullptr, &own)));
  BOOST_TEST(all.protection_of("c") == "ESP3");
  BOOST_TEST(reads(all.db, "k", message, "x", &own));
  BOOST_TEST(!all.db.keys().open<rows>(called("k")).has_value());
  BOOST_TEST(refused_as(errc::no_slot_opened,
                        all.db.certificates().change_protection(called("c"), &next, nullptr)));
  BOOST_TEST(refused_as(errc::no_slot_opened,
                        all.db.certificates().change_protection(called("c"), nullptr, nullptr)));
  BOOST_TEST(accepted(all.db.certificates().change_protection(called("c"), &own, &next)));
  BOOST_TEST(reads(all.db, "k", message, "x", &next));
  BOOST_TEST(!all.db.keys().open<rows>(called("k"), &own).has_value());
  BOOST_TEST(accepted(all.db.certificates().change_protection(called("c"), &next, nullptr)));
  BOOST_TEST(all.protection_of("c") == "ESKM");
  BOOST_TEST(reads(all.db, "k", message, "x"));
}

// Backup and restore

BOOST_AUTO_TEST_CASE(a_private_key_goes_through_a_backup_and_comes_back_under_the_master_key) {
  office all;
  const auto ec = ec_certificate();
  all.db.certificates().import(called("c"), ec.certificate, ec.key).value();
  all.db.keys().create(called("k"), by::certificate{called("c")}, by::master_key{}).value();
  const auto message = seal(all.db, "k", "x");
  BOOST_TEST(refused_as(errc::password_refused,
                        all.db.certificates().backup(called("c"), password("weak"))));
  const auto backup = all.db.certificates().backup(called("c"), file_password).value();
  const auto key = all.db.certificates().public_key(called("c")).value();
  BOOST_TEST(refused_as(errc::already_exists,
                        all.db.certificates().restore(called("c"), backup, file_password)));
  BOOST_TEST(
      refused_as(errc::no_slot_opened, all.db.certificates().restore(called("d"), backup, own)));
  all.here.write("db/sales/certificate/c", std::nullopt);  // lost
  BOOST_TEST(accepted(all.db.certificates().restore(called("c"), backup, file_password)));
  BOOST_TEST((all.db.certificates().public_key(called("c")).value() == key));
  BOOST_TEST(all.protection_of("c") == "ESKM");
  for (const auto& each : all.db.key_encryptions().value())
    if (each.key == "k" && each.crypt_type == "ESKM")
      all.db.keys().drop_protector(called("k"), each.slot).value();
  BOOST_TEST(reads(all.db, "k", message, "x"));
}

BOOST_AUTO_TEST_CASE(a_private_key_under_a_password_is_backed_up_with_it) {
  office all;
  all.db.asymmetric_keys().create(called("a"), by::password{own.duplicate()}).value();
  BOOST_TEST(refused_as(errc::no_slot_opened,
                        all.db.asymmetric_keys().backup(called("a"), file_password)));
  const auto backup = all.db.asymmetric_keys().backup(called("a"), file_password, &own);
  BOOST_REQUIRE(accepted(backup));
  const installation<> there;
  auto v = there.open_or_create();
  auto db = with_master_key(v, "other");
  BOOST_TEST(accepted(db.asymmetric_keys().restore(called("a"), *backup, file_password)));
  BOOST_TEST((db.asymmetric_keys().public_key(called("a")).value() ==
              all.db.asymmetric_keys().public_key(called("a")).value()));
  BOOST_TEST(refused_as(errc::authentication_failed,
                        db.certificates().restore(called("a"), *backup, file_password)));
}

BOOST_AUTO_TEST_CASE(an_altered_backup_of_a_private_key_is_refused) {
  office all;
  all.db.certificates().create(called("c")).value();
  const auto good =
      std::string(as_text(all.db.certificates().backup(called("c"), file_password).value()));
  for (std::size_t at = 0; at < good.size(); at += 97) {
    auto altered = good;
    altered[at] = static_cast<char>(altered[at] ^ 1);
    BOOST_TEST(
        !all.db.certificates().restore(called("d"), as_bytes(altered), file_password).has_value());
  }
  BOOST_TEST((all.db.certificates().list().value() == std::vector<std::string>{"c"}));
}

// Altered and moved records

BOOST_AUTO_TEST_CASE(
    an_altered_public_key_of_a_certificate_is_noticed_when_its_private_half_is_used) {
  office all;
  all.db.certificates().create<crypto::dhkem_p256>(called("c")).value();
  all.db.certificates().create<crypto::dhkem_p256>(called("theirs")).value();
  auto text = all.here.read("db/sales/certificate/c");
  const auto ours = to_base64(all.db.certificates().public_key(called("c")).value());
  const auto theirs = to_base64(all.db.certificates().public_key(called("theirs")).value());
  text.replace(text.find(ours), ours.size(), theirs);
  all.here.write("db/sales/certificate/c", text);
  BOOST_TEST(refused_as(errc::authentication_failed,
                        all.db.certificates().backup(called("c"), file_password)));
  BOOST_TEST(refused_as(errc::authentication_failed,
                        all.db.certificates().change_protection(called("c"), nullptr, &own)));
}

BOOST_AUTO_TEST_CASE(a_private_key_under_another_name_does_not_open) {
  office all;
  all.db.certificates().create(called("c")).value();
  all.here.write("db/sales/certificate/d", all.here.read("db/sales/certificate/c"));
  all.here.write("db/sales/asymmetric_key/c", all.here.read("db/sales/certificate/c"));
  BOOST_TEST(refused_as(errc::authentication_failed,
                        all.db.certificates().backup(called("d"), file_password)));
  BOOST_TEST(refused_as(errc::authentication_failed,
                        all.db.asymmetric_keys().backup(called("c"), file_password)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace private_keys_test

}  // namespace keywarden::testing

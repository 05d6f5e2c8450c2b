// Certificates of a database: made, loaded as an identity, exported, listed.
#include <keywarden/pki/certificate_store.hpp>

#include <boost/test/unit_test.hpp>

#include <keywarden/pki/authority.hpp>
#include <keywarden/pki/path.hpp>

#include "vault/fixture.hpp"

namespace keywarden::pki {
namespace certificate_store_test {

using testing::accepted;
using testing::called;
using testing::refused_as;
using testing::scratch;

const password own("Cert-Pass-1");
const password wrong("Cert-Pass-2");
const time_point noon =
    std::chrono::sys_days(std::chrono::year(2026) / 3 / 1) + std::chrono::hours(12);

struct instance {
  testing::installation<> here;
  testing::vault v = here.open_or_create();
  testing::database_handle master = with_master_key(v, "master");
};
auto store_of(const instance& at) { return at.master.certificates(); }

static_assert(certificate_store<decltype(store_of(std::declval<instance&>()))>);

BOOST_AUTO_TEST_SUITE(certificate_stores)

BOOST_AUTO_TEST_CASE(a_certificate_is_made_under_the_master_key_and_loads_as_an_identity) {
  instance at;
  const auto made = create_certificate(store_of(at), called("endpoint"), {"db1"}, noon).value();
  BOOST_TEST(name_of(store_of(at).protection(called("endpoint")).value()) == "MK");
  const auto loaded = load_identity(store_of(at), called("endpoint")).value();
  BOOST_REQUIRE(loaded.chain.size() == 1U);
  BOOST_TEST((loaded.chain.front() == made));
  BOOST_TEST(loaded.key->belongs_to(made));
}

BOOST_AUTO_TEST_CASE(every_endpoint_algorithm_can_be_kept_under_both_protections) {
  instance at;
  const auto check = [&]<class Algorithm>(const char* name) {
    for (const bool by_password : {false, true}) {
      const auto called_so = called(std::string(name) + (by_password ? "-pw" : "-mk"));
      const auto made = by_password
                            ? create_certificate<Algorithm>(store_of(at), called_so, {"db1"}, noon,
                                                            by::password{own.duplicate()})
                            : create_certificate<Algorithm>(store_of(at), called_so, {"db1"}, noon);
      BOOST_REQUIRE(accepted(made));
      const auto loaded = load_identity(store_of(at), called_so, by_password ? &own : nullptr);
      BOOST_REQUIRE(accepted(loaded));
      BOOST_TEST(loaded->key->belongs_to(*made));
    }
  };
  check.operator()<ecdsa_p256>("p256");
  check.operator()<ecdsa_p384>("p384");
  check.operator()<rsa<>>("rsa");
}

BOOST_AUTO_TEST_CASE(without_a_master_key_and_without_a_password_there_is_no_certificate) {
  const testing::installation<> here;
  auto v = here.open_or_create();
  auto db = v.create_database(called("bare")).value();
  BOOST_TEST(refused_as(errc::not_found,
                        create_certificate(db.certificates(), called("c"), {"db1"}, noon)));
  BOOST_TEST(
      refused_as(errc::password_refused, create_certificate(db.certificates(), called("c"), {"db1"},
                                                            noon, by::password{password("weak")})));
  BOOST_TEST(accepted(create_certificate(db.certificates(), called("c"), {"db1"}, noon,
                                         by::password{own.duplicate()})));
}

BOOST_AUTO_TEST_CASE(a_name_is_used_once_and_a_bad_subject_leaves_nothing) {
  instance at;
  BOOST_TEST(refused_as(errc::invalid_argument,
                        create_certificate(store_of(at), called("c"), {""}, noon)));
  BOOST_TEST(store_of(at).list().value().empty());
  create_certificate(store_of(at), called("c"), {"db1"}, noon).value();
  BOOST_TEST(refused_as(errc::already_exists,
                        create_certificate(store_of(at), called("c"), {"db1"}, noon)));
}

BOOST_AUTO_TEST_CASE(an_identity_under_a_password_loads_with_that_password_only) {
  instance at;
  create_certificate(store_of(at), called("c"), {"db1"}, noon, by::password{own.duplicate()})
      .value();
  BOOST_TEST(refused_as(errc::no_slot_opened, load_identity(store_of(at), called("c"))));
  BOOST_TEST(refused_as(errc::no_slot_opened, load_identity(store_of(at), called("c"), &wrong)));
  BOOST_TEST(accepted(load_identity(store_of(at), called("c"), &own)));
}

BOOST_AUTO_TEST_CASE(what_has_no_private_key_is_no_identity) {
  instance at;
  const auto theirs = make_self_signed(signing_key::generate().value(), {"db2"}, noon).value();
  store_of(at).import_public(called("theirs"), theirs.der()).value();
  BOOST_TEST((load_certificate(store_of(at), called("theirs")).value() == theirs));
  BOOST_TEST(refused_as(errc::not_found, load_identity(store_of(at), called("theirs"))));
  BOOST_TEST(refused_as(errc::not_found, load_identity(store_of(at), called("nobody"))));
  store_of(at).create(called("pair")).value();
  BOOST_TEST(refused_as(errc::not_found, load_identity(store_of(at), called("pair"))));
}

BOOST_AUTO_TEST_CASE(an_authority_is_kept_as_an_identity_and_issues_again) {
  instance at;
  auto key = signing_key::generate<ed25519>().value();
  auto again = signing_key::from_pkcs8(key.to_pkcs8().value()).value();
  const auto root = authority::make_root(std::move(key), {"root"}, noon).value();
  BOOST_TEST(accepted(
      store_of(at).import(called("root"), root.certificate().der(), again.to_pkcs8().value())));
  const auto kept = authority::of(load_identity(store_of(at), called("root")).value()).value();
  const auto leaf = kept.issue_identity({"db1"}, certificate_purpose::both, noon).value();
  BOOST_TEST(accepted(judge_path(leaf.chain, trust_anchors::of({root.certificate()}).value(),
                                 certificate_purpose::both, revocation::no_check(), {}, noon)));
}

BOOST_AUTO_TEST_CASE(the_public_part_is_exported_without_the_private_key) {
  instance at;
  const scratch place;
  const auto made = create_certificate(store_of(at), called("c"), {"db1"}, noon).value();
  BOOST_TEST(
      (export_public(store_of(at), called("c"), place / "c.cer", encoding::der).value() == made));
  BOOST_TEST((read_file(place / "c.cer", 65536).value() == made.der()));
  BOOST_TEST(refused_as(errc::already_exists,
                        export_public(store_of(at), called("c"), place / "c.cer", encoding::der)));
  BOOST_TEST(refused_as(errc::not_found, export_public(store_of(at), called("none"),
                                                       place / "d.cer", encoding::der)));
  BOOST_TEST(!std::filesystem::exists(place / "d.cer"));
}

BOOST_AUTO_TEST_CASE(an_exchanged_certificate_is_not_exported) {
  instance at;
  const scratch place;
  const auto made = create_certificate(store_of(at), called("c"), {"db1"}, noon).value();
  const auto forged = make_self_signed(signing_key::generate().value(), {"db1"}, noon).value();
  auto text = at.here.read("db/master/certificate/c");
  const auto good = to_base64(made.der());
  text.replace(text.find(good), good.size(), to_base64(forged.der()));
  at.here.write("db/master/certificate/c", text);
  BOOST_TEST(refused_as(errc::authentication_failed,
                        export_public(store_of(at), called("c"), place / "c.cer", encoding::der)));
  BOOST_TEST(refused_as(errc::authentication_failed, load_identity(store_of(at), called("c"))));
  BOOST_TEST(!std::filesystem::exists(place / "c.cer"));
}

BOOST_AUTO_TEST_CASE(what_is_under_a_password_that_is_not_given_is_shown_as_a_claim) {
  instance at;
  const auto made =
      create_certificate(store_of(at), called("c"), {"db1"}, noon, by::password{own.duplicate()})
          .value();
  const auto claim = show_certificate(store_of(at), called("c")).value();
  BOOST_TEST((claim.shown == made));
  BOOST_TEST(!claim.authentic);
  BOOST_TEST(show_certificate(store_of(at), called("c"), &own).value().authentic);
  BOOST_TEST(refused_as(errc::no_slot_opened, show_certificate(store_of(at), called("c"), &wrong)));
  store_of(at).remove_private_key(called("c"), &own).value();
  BOOST_TEST(!show_certificate(store_of(at), called("c")).value().authentic);
  BOOST_TEST(name_of(store_of(at).protection(called("c")).value()) == "NA");
}

BOOST_AUTO_TEST_CASE(certificates_are_listed_with_how_their_keys_are_protected) {
  instance at;
  const auto a = create_certificate(store_of(at), called("a"), {"db1"}, noon).value();
  create_certificate(store_of(at), called("b"), {"db1"}, noon, by::password{own.duplicate()})
      .value();
  store_of(at).import_public(called("c"), a.der()).value();
  store_of(at).create(called("pair")).value();
  std::string said;
  for (const auto& each : list_certificates(store_of(at)).value())
    said += each.name + ' ' + std::string(name_of(each.protection)) + ' ';
  BOOST_TEST(said == "a MK b PW c NA ");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace certificate_store_test

}  // namespace keywarden::pki

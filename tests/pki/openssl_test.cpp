// Another implementation reads what is written here, and writes what is read here.
#include <keywarden/pki/files.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstdio>

#include "pki/fixture.hpp"
#include "support/scratch.hpp"

namespace keywarden::pki {
namespace openssl_test {

using testing::accepted;
using testing::day;
using testing::noon;
using testing::refused_as;
using testing::scratch;
using enum certificate_purpose;

const password protection("Exchange-Pass-5");

/// What a command answers, with its exit status on the last line.
std::string run(const scratch& place, const std::string& command) {
  const auto whole = "cd '" + place.path().string() + "' && (" + command + ") 2>&1; echo $?";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(whole.c_str(), "r"), ::pclose);
  BOOST_REQUIRE(pipe != nullptr);
  std::string said;
  std::array<char, 4096> part{};
  while (const auto got = std::fread(part.data(), 1, part.size(), pipe.get()))
    said.append(part.data(), got);
  return said;
}
bool ran(const std::string& said) { return said.ends_with("\n0\n") || said == "0\n"; }
bool has_openssl() {
  static const bool there = ran(run(scratch(), "openssl version"));
  return there;
}
boost::test_tools::assertion_result with_openssl(boost::unit_test::test_unit_id) {
  boost::test_tools::assertion_result there(has_openssl());
  if (!there) there.message() << "the openssl program is not installed";
  return there;
}
bool says(const std::string& said, std::string_view what) {
  return said.find(what) != std::string::npos;
}
template <class... Algorithm>
void for_each(auto&& use) {
  (use.template operator()<Algorithm>(), ...);
}

BOOST_AUTO_TEST_SUITE(openssl, *boost::unit_test::precondition(with_openssl))

BOOST_AUTO_TEST_CASE(it_reads_our_certificates_and_shows_the_same_fingerprint) {
  for_each<ecdsa_p256, ecdsa_p384, rsa<>>([]<class Algorithm>() {
    const scratch here;
    const auto one = make_self_signed(signing_key::generate<Algorithm>().value(),
                                      {"db1", {"*.db.example.org"}, {"192.0.2.7"}}, noon)
                         .value();
    write_certificate(here / "a.cer", one, encoding::der).value();
    write_certificate(here / "a.pem", one, encoding::pem).value();
    BOOST_TEST(says(run(here, "openssl x509 -inform DER -in a.cer -noout -fingerprint -sha256"),
                    "Fingerprint=" + to_text(one.fingerprint()) + "\n"));
    const auto text = run(here, "openssl x509 -in a.pem -noout -text");
    for (const auto* each :
         {"Version: 3", "Subject: CN = db1", "CA:FALSE", "DNS:*.db.example.org",
          "IP Address:192.0.2.7", "TLS Web Server Authentication, TLS Web Client Authentication",
          "Not Before: Mar  1 12:00:00 2026 GMT", "Not After : Mar  1 12:00:00 2027 GMT",
          "Digital Signature"})
      BOOST_TEST(says(text, each), each);
    BOOST_TEST(
        says(run(here, "openssl verify -attime 1780000000 -CAfile a.pem a.pem"), "a.pem: OK"));
  });
}

BOOST_AUTO_TEST_CASE(it_verifies_our_chains_and_obeys_our_revocation_lists) {
  for_each<ecdsa_p256, ecdsa_p384, rsa<>, ed25519>([]<class Algorithm>() {
    const scratch here;
    auto root = authority::make_root<Algorithm>({"root"}, noon).value();
    auto below = root.template make_intermediate<Algorithm>({"below"}, noon).value();
    const auto leaf = below.issue_identity({"db1"}, server, noon).value();
    write_certificate(here / "root.pem", root.certificate(), encoding::pem).value();
    write_certificate(here / "below.pem", below.certificate(), encoding::pem).value();
    write_certificate(here / "leaf.pem", leaf.chain.front(), encoding::pem).value();
    const std::string verify =
        "openssl verify -attime 1772400000 -CAfile root.pem -untrusted below.pem -purpose ";
    BOOST_TEST(says(run(here, verify + "sslserver leaf.pem"), "leaf.pem: OK"));
    BOOST_TEST(!ran(run(here, verify + "sslclient leaf.pem")));
    const auto crl = [&](authority& of, const std::string& name) {
      const auto der = of.issue_list(noon).value().der();
      std::ofstream(here / (name + ".der"), std::ios::binary) << as_text(der);
      BOOST_TEST(ran(run(here, "openssl crl -inform DER -in " + name + ".der -out " + name)));
    };
    const auto checked = [&] {
      crl(root, "root.crl");
      crl(below, "below.crl");
      return run(here, verify +
                           "sslserver -crl_check_all -CRLfile root.crl -CRLfile below.crl "
                           "leaf.pem");
    };
    BOOST_TEST(says(checked(), "leaf.pem: OK"));
    below.revoke(leaf.chain.front(), revocation_reason::key_compromise, noon).value();
    BOOST_TEST(says(checked(), "certificate revoked"));
    BOOST_TEST(says(run(here, "openssl crl -in below.crl -noout -text"), "Key Compromise"));
  });
}

BOOST_AUTO_TEST_CASE(it_opens_our_private_keys_with_the_password_only) {
  for_each<ecdsa_p256, ecdsa_p384, rsa<>, ed25519>([]<class Algorithm>() {
    const scratch here;
    const auto key = signing_key::generate<Algorithm>().value();
    write_private_key(here / "k.pem", key, protection, encoding::pem).value();
    write_private_key(here / "k.der", key, protection, encoding::der).value();
    BOOST_TEST(ran(run(here, "openssl pkcs8 -in k.pem -passin pass:Exchange-Pass-5 -out a.pem")));
    BOOST_TEST(ran(run(here,
                       "openssl pkcs8 -inform DER -in k.der -passin pass:Exchange-Pass-5 "
                       "-out b.pem")));
    BOOST_TEST(ran(run(here, "openssl pkey -in a.pem -pubout -outform DER -out a.pub")));
    BOOST_TEST(ran(run(here, "cmp a.pem b.pem")));
    BOOST_TEST((read_file(here / "a.pub", 65536).value() == key.botan()->subject_public_key()));
    BOOST_TEST(!ran(run(here, "openssl pkcs8 -in k.pem -passin pass:Other -out c.pem")));
    BOOST_TEST(says(run(here, "openssl asn1parse -in k.pem"), "PBES2"));
  });
}

BOOST_AUTO_TEST_CASE(we_read_its_certificates_and_private_keys) {
  const std::array<std::string, 4> kinds{"EC -pkeyopt ec_paramgen_curve:P-256",
                                         "EC -pkeyopt ec_paramgen_curve:P-384",
                                         "RSA -pkeyopt rsa_keygen_bits:2048", "ED25519"};
  for (const auto& kind : kinds) {
    const scratch here;
    BOOST_TEST(ran(run(here, "openssl genpkey -algorithm " + kind + " -out k.pem")));
    BOOST_TEST(ran(run(here,
                       "openssl pkcs8 -topk8 -in k.pem -passout pass:Exchange-Pass-5 -out "
                       "e.pem && openssl pkcs8 -topk8 -nocrypt -in k.pem -outform DER -out "
                       "k.der && openssl pkcs8 -topk8 -scrypt -in k.pem -outform DER -passout "
                       "pass:Exchange-Pass-5 -out s.der")));
    BOOST_TEST(ran(run(here,
                       "openssl req -x509 -new -key k.pem -subj /CN=theirs -days 10 -out "
                       "c.pem -addext extendedKeyUsage=serverAuth && openssl x509 -in c.pem "
                       "-outform DER -out c.cer")));
    const auto pem = read_certificates(here / "c.pem").value();
    const auto der = read_certificates(here / "c.cer").value();
    BOOST_REQUIRE(pem.size() == 1U);
    BOOST_TEST((pem == der));
    BOOST_TEST(pem.front().common_name() == "theirs");
    BOOST_TEST(says(run(here, "openssl x509 -in c.pem -noout -fingerprint -sha256"),
                    to_text(pem.front().fingerprint())));
    for (const std::string name : {"k.pem", "k.der", "e.pem"}) {
      const auto content = read_file(here / name, 65536).value();
      const auto key = decode_private_key(content, &protection);
      BOOST_REQUIRE(accepted(key));
      BOOST_TEST(key->belongs_to(pem.front()));
    }
    const auto under_scrypt =
        decode_private_key(read_file(here / "s.der", 65536).value(), &protection);
    const bool known = Botan::PasswordHashFamily::create("Scrypt") != nullptr;
    BOOST_TEST(
        (known ? accepted(under_scrypt) : refused_as(errc::unsupported_suite, under_scrypt)));
    const password wrong("Other-Pass-6");
    const auto content = read_file(here / "e.pem", 65536).value();
    BOOST_TEST(refused_as(errc::authentication_failed, decode_private_key(content, &wrong)));
  }
}

/// Its authority, made by its own tool.
struct their_office {
  scratch place;
  their_office() {
    std::ofstream(place / "ca.cnf")
        << "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\n"
           "default_md=sha256\npolicy=p\ncertificate=ca.pem\nprivate_key=ca.key\n"
           "default_crl_days=5\nunique_subject=no\n[p]\ncommonName=supplied\n"
           "[leaf]\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n"
           "subjectAltName=DNS:db1.example.org\nauthorityKeyIdentifier=keyid\n"
           "[bare]\nbasicConstraints=CA:FALSE\n"
           "[none]\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n2.5.29.56=DER:05:00\n"
           "subjectAltName=DNS:db1.example.org\n";
    std::ofstream(place / "index.txt").flush();
    std::ofstream(place / "serial") << "1000\n";
    const auto made = run(
        place,
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out "
        "ca.pem -subj /CN=theirs -days 30 && openssl req -newkey ec -pkeyopt "
        "ec_paramgen_curve:P-256 -nodes -keyout leaf.key -out leaf.csr -subj /CN=db1");
    BOOST_REQUIRE_MESSAGE(ran(made), made);
  }
  certificate issue(const std::string& section) {
    const auto name = section + ".pem";
    const auto made = run(place, "openssl ca -batch -config ca.cnf -in leaf.csr -out " + name +
                                     " -notext -days 20 -extensions " + section);
    BOOST_REQUIRE_MESSAGE(ran(made), made);
    return read_certificates(place / name).value().front();
  }
  revocation_list list() {
    const auto made = run(place, "openssl ca -config ca.cnf -gencrl -out list.pem");
    BOOST_REQUIRE_MESSAGE(ran(made), made);
    return revocation_list::read(read_file(place / "list.pem", 65536).value()).value();
  }
  trust_anchors anchors() {
    return trust_anchors::of(read_certificates(place / "ca.pem").value()).value();
  }
  bytes response(const std::string& extra = {}) {
    const auto made =
        run(place,
            "openssl ocsp -issuer ca.pem -cert leaf.pem -no_nonce -reqout q.der && openssl "
            "ocsp -index index.txt -rsigner ca.pem -rkey ca.key -CA ca.pem -reqin q.der "
            "-respout r.der " +
                extra);
    BOOST_REQUIRE_MESSAGE(ran(made), made);
    return read_file(place / "r.der", 65536).value();
  }
};

BOOST_AUTO_TEST_CASE(we_judge_its_chains_and_lists) {
  their_office theirs;
  const auto leaf = theirs.issue("leaf");
  // After everything that is issued below, however slow the machine.
  const auto now = system_clock::now() + std::chrono::minutes(10);
  const revocation::offline lists(revocation_snapshot::of(std::vector{theirs.list()}).value());
  const auto judge = [&](const certificate& which, const auto& how, time_point when) {
    return judge_path(std::vector{which}, theirs.anchors(), server, how, {}, when,
                      "db1.example.org");
  };
  BOOST_TEST(accepted(judge(leaf, revocation::no_check(), now)));
  BOOST_TEST(accepted(judge(leaf, lists, now)));
  BOOST_TEST(refused_as(errc::certificate_usage,
                        judge(theirs.issue("bare"), revocation::no_check(), now)));
  BOOST_TEST(refused_as(errc::revocation_unknown, judge(leaf, lists, now + 6 * day)));
  BOOST_TEST(refused_as(errc::certificate_expired, judge(leaf, lists, now + 21 * day)));
  // A claim that there is no revocation information (RFC 9608) is no evidence.
  BOOST_TEST(refused_as(errc::revocation_unknown, judge(theirs.issue("none"), lists, now)));
  BOOST_TEST(ran(run(theirs.place, "openssl ca -config ca.cnf -revoke leaf.pem")));
  lists.load(revocation_snapshot::of(std::vector{theirs.list()}).value());
  BOOST_TEST(refused_as(errc::certificate_revoked, judge(leaf, lists, now)));
}

BOOST_AUTO_TEST_CASE(stapled_responses_count_online_only_and_only_when_current_and_genuine) {
  their_office theirs;
  const auto leaf = theirs.issue("leaf");
  // After everything that is issued below, however slow the machine.
  const auto now = system_clock::now() + std::chrono::minutes(10);
  const auto judge = [&](const auto& how, const std::vector<bytes>& stapled, time_point when) {
    return judge_path(std::vector{leaf}, theirs.anchors(), server, how, stapled, when);
  };
  const revocation::online online;
  const auto good = theirs.response("-ndays 2");
  const auto accepted_path = judge(online, {good}, now);
  BOOST_REQUIRE(accepted(accepted_path));
  BOOST_TEST((accepted_path->valid_until() <= now + std::chrono::hours(2)));
  BOOST_TEST(accepted(judge(online, {bytes{1}, good}, now)));
  BOOST_TEST(refused_as(errc::revocation_unknown, judge(revocation::offline(), {good}, now)));
  BOOST_TEST(refused_as(errc::revocation_unknown, judge(online, {good}, now + 3 * day)));
  auto altered = good;
  altered[altered.size() / 2] ^= 1U;
  BOOST_TEST(refused_as(errc::revocation_unknown, judge(online, {altered}, now)));
  their_office others;
  others.issue("leaf");
  BOOST_TEST(refused_as(errc::revocation_unknown, judge(online, {others.response()}, now)));
  BOOST_TEST(ran(run(theirs.place, "openssl ca -config ca.cnf -revoke leaf.pem")));
  BOOST_TEST(refused_as(errc::certificate_revoked, judge(online, {theirs.response()}, now)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace openssl_test

}  // namespace keywarden::pki

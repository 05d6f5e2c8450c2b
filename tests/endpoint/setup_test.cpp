#include <keywarden/endpoint/setup.hpp>

#include <sys/stat.h>

#include <chrono>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <keywarden/endpoint/definition_text.hpp>
#include <keywarden/endpoint/topology.hpp>

#include "vault/fixture.hpp"

namespace keywarden::testing {
namespace setup_test {

struct host_a {
  static constexpr std::string_view name = "HOST_A";
};
struct host_b {
  static constexpr std::string_view name = "HOST_B";
};
struct host_w {
  static constexpr std::string_view name = "HOST_W";
};
using session = mirroring_session<partner<host_a>, partner<host_b>, witness<host_w>>;

constexpr time_point today = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);
constexpr auto a_day = std::chrono::hours(24);

/// A file system folder that stands for the way between the instances.
struct courier {
  scratch files;
  [[nodiscard]] std::filesystem::path file_of(std::string_view host) const {
    return files / (std::string(host) + ".cer");
  }
};

/// Another instance's certificate, made without a vault.
pki::certificate stranger(const std::string& name, time_point start = today) {
  return pki::make_self_signed(pki::signing_key::generate().value(),
                               {.subject = name + " certificate"}, start)
      .value();
}

/// One instance with its store. The steps as a program writes them.
template <class Self>
class server {
 public:
  explicit server(const courier& way) : way_(&way) {}

  installation<> here;
  manual_clock clock{today};
  mirroring_endpoint endpoint{.name = "Mirroring",
                              .listener = listener_address(7024),
                              .role = endpoint_role::all,
                              .owner = "dbm_owner"};
  pki::certificate_options options{.subject = std::string(Self::name) + " certificate"};
  object_name certificate = called(std::string(Self::name) + "_cert");

  [[nodiscard]] auto begin() const { return set_up_endpoint<session, Self>(v_, clock); }
  [[nodiscard]] auto with_key() const { return begin().create_master_key(dmk_password).value(); }
  [[nodiscard]] auto with_certificate() const {
    return with_key().create_certificate(certificate, options).value();
  }
  [[nodiscard]] auto with_endpoint() const {
    return with_certificate().create_endpoint(endpoint).value();
  }
  [[nodiscard]] auto outbound() const {
    return with_endpoint().export_certificate(way_->file_of(Self::name)).value();
  }

  /// The five inbound steps for a peer, from the file it exported.
  template <class Peer>
  [[nodiscard]] static auto login(const auto& outbound) {
    return outbound.template configure_inbound<Peer>()
        .create_login(called(std::string(Peer::name) + "_login"))
        .value();
  }
  template <class Peer>
  [[nodiscard]] static auto user(const auto& outbound) {
    return login<Peer>(outbound).create_user(called(std::string(Peer::name) + "_user")).value();
  }
  template <class Peer>
  [[nodiscard]] static auto grant(const auto& outbound, const pki::certificate& of) {
    return user<Peer>(outbound)
        .obtain_certificate(of, of.fingerprint())
        .value()
        .associate_certificate(called(std::string(Peer::name) + "_cert"))
        .value();
  }
  template <class Peer>
  [[nodiscard]] static auto inbound(const auto& outbound, const pki::certificate& of) {
    return grant<Peer>(outbound, of).grant_connect().value();
  }

  [[nodiscard]] vault& v() { return v_; }
  [[nodiscard]] database_handle master() const { return v_.database("master").value(); }
  [[nodiscard]] auth::directory known() const { return auth::load_directory(master()).value(); }

 private:
  const courier* way_;
  vault v_ = here.open_or_create();
};

/// HOST_A with the certificates of the two others at hand.
struct world_of_a {
  courier way;
  server<host_a> a{way};
  pki::certificate b = stranger("HOST_B");
  pki::certificate w = stranger("HOST_W");

  [[nodiscard]] auto all_inbound() const {
    return server<host_a>::inbound<host_w>(server<host_a>::inbound<host_b>(a.outbound(), b), w);
  }
  void change(const std::function<result<void>(auth::directory&)>& how) const {
    auth::change_directory(a.master(), how).value();
  }
};

template <class T>
bool names(const result<T>& refused, std::string_view words) {
  return !refused && refused.error().message().find(words) != std::string::npos;
}

BOOST_AUTO_TEST_SUITE(setup)

// --- The document, row by row ---------------------------------------------------------------

BOOST_AUTO_TEST_CASE(M01_an_instance_is_enabled_only_with_both_halves) {
  const world_of_a all;
  const auto outbound = all.a.outbound();
  BOOST_TEST(refused_as(errc::not_permitted, load_configuration(all.a.master())));
  BOOST_TEST(names(load_configuration(all.a.master()), "GRANT CONNECT"));
  (void)server<host_a>::inbound<host_b>(outbound, all.b);
  BOOST_TEST(accepted(load_configuration(all.a.master())));
}

BOOST_AUTO_TEST_CASE(M02_outbound_comes_first_and_leads_to_inbound_and_to_start) {
  const world_of_a all;
  const auto ready = all.all_inbound().start();
  BOOST_REQUIRE(accepted(ready));
  BOOST_TEST((ready->definition.state == endpoint_state::started));
  const auto stored = load_configuration(all.a.master()).value();
  BOOST_TEST((stored.definition == ready->definition));
  BOOST_TEST((stored.known == ready->known));
  BOOST_TEST(accepted(ready->authentication().own(today)));
}

BOOST_AUTO_TEST_CASE(M03_a_second_endpoint_is_refused) {
  world_of_a all;
  (void)all.a.with_endpoint();
  all.a.endpoint.name = "Other";
  const auto second = all.a.with_certificate().create_endpoint(all.a.endpoint);
  BOOST_TEST(refused_as(errc::already_exists, second));
  BOOST_TEST(names(second, "it differs: name"));
}

BOOST_AUTO_TEST_CASE(M04_M05_an_endpoint_has_the_one_form_it_was_created_with) {
  const world_of_a all;
  const auto made = all.a.with_endpoint();
  const auto stored = load_endpoint(all.a.master()).value();
  BOOST_TEST(stored.authentication.form() == "certificate");
  BOOST_TEST(accepted(expect_form<auth::form::certificate>(stored)));
  BOOST_TEST(refused_as(errc::not_permitted, expect_form<auth::form::shared_key>(stored)));
}

BOOST_AUTO_TEST_CASE(M06_the_master_key_is_in_master) {
  const world_of_a all;
  (void)all.a.with_key();
  BOOST_TEST(all.a.here.all().contains("db/master/dmk"));
  // CREATE MASTER KEY itself fails the second time; the step does not.
  auto master = all.a.master();
  BOOST_TEST(refused_as(errc::already_exists, master.master_key().create(dmk_password)));
  BOOST_TEST(accepted(all.a.begin().create_master_key(dmk_password)));
}

BOOST_AUTO_TEST_CASE(M07_the_private_key_is_wrapped_by_the_master_key) {
  const world_of_a all;
  (void)all.a.with_certificate();
  auto store = all.a.master().certificates();
  BOOST_TEST((store.protection("HOST_A_cert").value() == private_key_protection::master_key));
  const auto own = pki::load_certificate(store, "HOST_A_cert").value();
  BOOST_TEST(own.is_self_signed());
  BOOST_TEST(own.common_name() == "HOST_A certificate");
}

BOOST_AUTO_TEST_CASE(M08_the_endpoint_uses_its_certificate) {
  const world_of_a all;
  (void)all.a.with_endpoint();
  const auto stored = load_endpoint(all.a.master()).value();
  BOOST_TEST((stored.authentication.certificates()->present() == object_name("HOST_A_cert")));
  BOOST_TEST((stored.state == endpoint_state::stopped));
}

BOOST_AUTO_TEST_CASE(M09_the_file_holds_the_public_part_and_nothing_else) {
  const world_of_a all;
  const auto done = all.a.outbound();
  const auto content = read_file(all.way.file_of("HOST_A"));
  BOOST_TEST((to_bytes(as_bytes(content)) == done.certificate().der()));
}

BOOST_AUTO_TEST_CASE(M10_what_was_changed_on_the_way_does_not_match_the_fingerprint) {
  const world_of_a all;
  const auto outbound = all.a.outbound();
  BOOST_TEST(outbound.exchange_text().find(pki::to_text(outbound.certificate().fingerprint())) !=
             std::string::npos);
  pki::write_certificate(all.way.file_of("HOST_B"), all.w, pki::encoding::pem).value();
  const auto taken = server<host_a>::user<host_b>(outbound).obtain_certificate(
      all.way.file_of("HOST_B"), all.b.fingerprint());
  BOOST_TEST(refused_as(errc::certificate_untrusted, taken));
  BOOST_TEST(names(taken, "HOST_B"));
}

BOOST_AUTO_TEST_CASE(M11_M17_the_full_mesh_of_two_partners_and_a_witness_trusts_itself) {
  courier way;
  const server<host_a> a(way);
  const server<host_b> b(way);
  const server<host_w> w(way);
  const auto out_a = a.outbound();
  const auto out_b = b.outbound();
  const auto out_w = w.outbound();
  const auto describe = [](const auto& ready, const char* name) {
    return describe_instance(called(name), ready.definition, ready.known, ready.own);
  };
  const auto begun = [](const auto& of) {
    return mirroring_configuration{
        load_endpoint(of.master()).value(), of.known(),
        load_own_identities(of.master(), load_endpoint(of.master()).value()).value()};
  };
  static_assert(session::trust_edges == 6);
  const std::vector before{describe(begun(a), "HOST_A"), describe(begun(b), "HOST_B"),
                           describe(begun(w), "HOST_W")};
  // Six edges are missing, and three endpoints are not started.
  BOOST_TEST(check_topology(before, today).problems.size() == 9U);

  const auto file = [&](std::string_view host) {
    return pki::read_certificates(way.file_of(host)).value().at(0);
  };
  const auto ready_a = server<host_a>::inbound<host_w>(
                           server<host_a>::inbound<host_b>(out_a, file("HOST_B")), file("HOST_W"))
                           .start()
                           .value();
  const auto ready_b = server<host_b>::inbound<host_w>(
                           server<host_b>::inbound<host_a>(out_b, file("HOST_A")), file("HOST_W"))
                           .start()
                           .value();
  const auto ready_w = server<host_w>::inbound<host_b>(
                           server<host_w>::inbound<host_a>(out_w, file("HOST_A")), file("HOST_B"))
                           .start()
                           .value();
  const std::vector after{describe(ready_a, "HOST_A"), describe(ready_b, "HOST_B"),
                          describe(ready_w, "HOST_W")};
  const auto report = check_topology(after, today);
  for (const auto& each : report.problems) BOOST_TEST_MESSAGE(each.sentence());
  BOOST_TEST(report.problems.empty());

  // And the authenticators agree with the check.
  auth::peer_evidence shown;
  shown.chain = ready_b.own.all().front()->chain;
  const auto who = ready_a.authentication().judge(shown, today);
  BOOST_REQUIRE(accepted(who));
  BOOST_TEST(who->login == "HOST_B_login");
  shown.chain = {stranger("HOST_B")};
  BOOST_TEST(refused_as(errc::peer_unknown, ready_a.authentication().judge(shown, today)));
}

BOOST_AUTO_TEST_CASE(M12_to_M16_each_inbound_step_is_stored_at_once) {
  const world_of_a all;
  const auto outbound = all.a.outbound();
  const auto login = outbound.configure_inbound<host_b>().create_login("B_login").value();
  BOOST_TEST(all.a.known().logins().contains("B_login"));
  const auto user = login.create_user("B_user").value();
  BOOST_TEST((all.a.known().users().at("B_user").login == object_name("B_login")));
  const auto obtained = user.obtain_certificate(all.b, all.b.fingerprint()).value();
  BOOST_TEST(all.a.known().certificates().empty());
  BOOST_TEST((obtained.obtained() == all.b));
  const auto associated = obtained.associate_certificate("B_cert").value();
  BOOST_TEST((all.a.known().who_owns(all.b.fingerprint())->login == object_name("B_login")));
  BOOST_TEST(all.a.known().permissions().empty());
  (void)associated.grant_connect().value();
  const auto may =
      all.a.known().effective("B_login", auth::permission::connect, "Mirroring", "dbm_owner");
  BOOST_TEST((may.why == auth::verdict::reason::granted));
}

BOOST_AUTO_TEST_CASE(M18_no_other_database_takes_an_endpoint) {
  world_of_a all;
  (void)all.a.outbound();
  const auto sales = with_master_key(all.a.v(), "sales");
  const auto from = load_endpoint(all.a.master()).value();
  BOOST_TEST(refused_as(errc::invalid_argument, create_endpoint(sales, from)));
  BOOST_TEST(refused_as(errc::invalid_argument, load_endpoint(sales)));
}

struct encryption_supported {
  static constexpr auto clause = *transport::encryption_clause::of(transport::presence::supported,
                                                                   {transport::algorithm::aes});
};

BOOST_AUTO_TEST_CASE(M19_encryption_is_required_unless_a_type_says_otherwise) {
  const world_of_a all;
  (void)all.a.with_endpoint();
  BOOST_TEST((load_endpoint(all.a.master()).value().encryption == transport::encryption_clause()));
  const world_of_a weak;
  (void)weak.a.with_certificate().create_endpoint<encryption_supported>(weak.a.endpoint).value();
  const auto stored = load_endpoint(weak.a.master()).value();
  BOOST_TEST((stored.encryption == encryption_supported::clause));
  // The usual step takes it for another endpoint, not for its own.
  const auto usual = weak.a.with_certificate().create_endpoint(weak.a.endpoint);
  BOOST_TEST(refused_as(errc::already_exists, usual));
  BOOST_TEST(names(usual, "ENCRYPTION"));
}

BOOST_AUTO_TEST_CASE(M20_nobody_else_can_write_the_exported_file) {
  const world_of_a all;
  (void)all.a.outbound();
  struct ::stat facts {};
  BOOST_REQUIRE_EQUAL(::stat(all.way.file_of("HOST_A").c_str(), &facts), 0);
  BOOST_TEST((facts.st_mode & 0777U) == 0644U);
}

BOOST_AUTO_TEST_CASE(M21_the_role_must_allow_the_part) {
  courier way;
  server<host_w> w(way);
  w.endpoint.role = endpoint_role::partner;
  const auto made = w.with_certificate().create_endpoint(w.endpoint);
  BOOST_TEST(refused_as(errc::invalid_argument, made));
  BOOST_TEST(names(made, "WITNESS"));
  w.endpoint.role = endpoint_role::witness;
  BOOST_TEST(accepted(w.with_certificate().create_endpoint(w.endpoint)));
}

// --- Running it again -----------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_set_up_that_was_finished_changes_nothing_when_it_runs_again) {
  const world_of_a all;
  (void)all.all_inbound().start().value();
  const auto before = all.a.here.all();
  BOOST_TEST(accepted(all.all_inbound().start()));
  BOOST_TEST((all.a.here.all() == before));
}

BOOST_AUTO_TEST_CASE(a_set_up_that_was_interrupted_anywhere_goes_on) {
  const std::vector<std::function<void(const world_of_a&)>> interrupted{
      [](const world_of_a& all) { (void)all.a.with_key(); },
      [](const world_of_a& all) { (void)all.a.with_certificate(); },
      [](const world_of_a& all) { (void)all.a.with_endpoint(); },
      [](const world_of_a& all) { (void)all.a.outbound(); },
      [](const world_of_a& all) { (void)server<host_a>::login<host_b>(all.a.outbound()); },
      [](const world_of_a& all) { (void)server<host_a>::user<host_b>(all.a.outbound()); },
      [](const world_of_a& all) { (void)server<host_a>::grant<host_b>(all.a.outbound(), all.b); },
      [](const world_of_a& all) { (void)server<host_a>::inbound<host_w>(all.a.outbound(), all.w); },
      [](const world_of_a& all) { (void)all.all_inbound(); },
  };
  const world_of_a whole;
  const auto expected = whole.all_inbound().start().value();
  for (const auto& up_to : interrupted) {
    const world_of_a all;
    up_to(all);
    const auto ready = all.all_inbound().start();
    BOOST_REQUIRE(accepted(ready));
    BOOST_TEST((ready->definition == expected.definition));
    BOOST_TEST((ready->known.permissions() == expected.known.permissions()));
    BOOST_TEST((ready->known.users() == expected.known.users()));
    BOOST_TEST(ready->known.certificates().size() == 2U);
  }
}

BOOST_AUTO_TEST_CASE(another_process_finds_what_was_set_up) {
  const world_of_a all;
  (void)all.all_inbound().start().value();
  auto elsewhere = all.a.here.open().value();
  const auto read = load_configuration(elsewhere.database("master").value());
  BOOST_REQUIRE(accepted(read));
  BOOST_TEST((read->definition.state == endpoint_state::started));
}

BOOST_AUTO_TEST_CASE(the_master_key_stays_open_during_the_set_up_when_it_does_not_open_by_itself) {
  const world_of_a all;
  (void)all.a.with_key();
  {
    auto key = all.a.master().master_key();
    auto opened = key.open(dmk_password).value();
    key.drop_service_key().value();
  }
  const auto ready = all.all_inbound().start();
  BOOST_TEST(accepted(ready));
  BOOST_TEST(refused_as(errc::not_open, load_endpoint(all.a.master())));
}

// --- What differs is refused ----------------------------------------------------------------

BOOST_AUTO_TEST_CASE(another_password_for_the_master_key_is_refused) {
  const world_of_a all;
  (void)all.a.with_key();
  const auto second = all.a.begin().create_master_key(other_password);
  BOOST_TEST(refused_as(errc::already_exists, second));
  BOOST_TEST(names(second, "password"));
}

BOOST_AUTO_TEST_CASE(a_poor_password_for_the_master_key_is_refused) {
  const world_of_a all;
  BOOST_TEST(
      refused_as(errc::password_refused, all.a.begin().create_master_key(password("short"))));
}

BOOST_AUTO_TEST_CASE(another_certificate_of_the_same_name_is_refused) {
  const world_of_a all;
  const auto key = all.a.with_key();
  auto options = all.a.options;
  options.expiry = today + 100 * a_day;
  (void)key.create_certificate("HOST_A_cert", options).value();
  BOOST_TEST(accepted(key.create_certificate("HOST_A_cert", options)));
  BOOST_TEST(accepted(key.create_certificate("HOST_A_cert", all.a.options)));
  const auto refuse = [&](auto edit, std::string_view what) {
    auto changed = options;
    edit(changed);
    const auto made = key.create_certificate("HOST_A_cert", changed);
    BOOST_TEST(refused_as(errc::already_exists, made));
    BOOST_TEST(names(made, what));
  };
  refuse([](auto& now) { now.subject = "another"; }, "its subject is");
  refuse([](auto& now) { now.dns_names = {"a.test"}; }, "alternative names");
  refuse([](auto& now) { now.start = today + a_day; }, "it starts on");
  refuse([](auto& now) { now.expiry = today + 200 * a_day; }, "it expires on");
}

BOOST_AUTO_TEST_CASE(a_certificate_without_a_private_key_is_no_identity) {
  const world_of_a all;
  const auto key = all.a.with_key();
  all.a.master().certificates().import_public("HOST_A_cert", all.b.der()).value();
  const auto made = key.create_certificate("HOST_A_cert", all.a.options);
  BOOST_TEST(refused_as(errc::already_exists, made));
  BOOST_TEST(names(made, "no private key"));
}

BOOST_AUTO_TEST_CASE(an_own_certificate_that_expired_is_refused) {
  world_of_a all;
  (void)all.a.with_certificate();
  all.a.clock.advance(400 * a_day);
  BOOST_TEST(refused_as(errc::certificate_expired,
                        all.a.with_key().create_certificate("HOST_A_cert", all.a.options)));
}

BOOST_AUTO_TEST_CASE(an_endpoint_that_differs_is_refused_and_names_what_differs) {
  world_of_a all;
  (void)all.a.with_endpoint();
  const auto certificate = all.a.with_certificate();
  const auto refuse = [&](auto edit, std::string_view what) {
    auto changed = all.a.endpoint;
    edit(changed);
    const auto made = certificate.create_endpoint(changed);
    BOOST_TEST(refused_as(errc::already_exists, made));
    BOOST_TEST(names(made, "it differs: " + std::string(what) + ")"));
  };
  refuse([](auto& now) { now.listener = listener_address(7022); }, "LISTENER_PORT");
  refuse([](auto& now) { now.listener = now.listener.at(admit::address("192.0.2.1")).value(); },
         "LISTENER_IP");
  refuse([](auto& now) { now.role = endpoint_role::partner; }, "ROLE");
  refuse([](auto& now) { now.owner = "other"; }, "AUTHORIZATION");
  // A refused set-up makes no login on its way.
  BOOST_TEST(!all.a.known().logins().contains("other"));
  // The state is not part of what is asked for.
  alter_endpoint(all.a.master(), {.state = endpoint_state::started}).value();
  const auto again = certificate.create_endpoint(all.a.endpoint);
  BOOST_TEST(accepted(again));
}

BOOST_AUTO_TEST_CASE(a_file_that_holds_something_else_is_not_written_over) {
  const world_of_a all;
  const auto endpoint = all.a.with_endpoint();
  write_file(all.way.file_of("HOST_A"), "precious");
  BOOST_TEST(
      refused_as(errc::already_exists, endpoint.export_certificate(all.way.file_of("HOST_A"))));
  BOOST_TEST(read_file(all.way.file_of("HOST_A")) == "precious");
  pki::write_certificate(all.way.file_of("OTHER"), all.b, pki::encoding::der).value();
  BOOST_TEST(
      refused_as(errc::already_exists, endpoint.export_certificate(all.way.file_of("OTHER"))));
  BOOST_TEST(refused_as(errc::io_failed,
                        endpoint.export_certificate(all.way.files / "none" / "HOST_A.cer")));
}

BOOST_AUTO_TEST_CASE(a_login_for_which_no_permission_is_checked_is_no_peers_login) {
  const world_of_a all;
  const auto inbound = all.a.outbound().configure_inbound<host_b>();
  all.change(
      [](auth::directory& known) { return known.create_login("sa", auth::server_role::sysadmin); });
  BOOST_TEST(refused_as(errc::already_exists, inbound.create_login("sa")));
  BOOST_TEST(refused_as(errc::not_permitted, inbound.create_login("dbm_owner")));
}

BOOST_AUTO_TEST_CASE(a_user_of_another_login_is_refused) {
  const world_of_a all;
  const auto outbound = all.a.outbound();
  (void)server<host_a>::user<host_b>(outbound);
  const auto made =
      outbound.configure_inbound<host_w>().create_login("W").value().create_user("HOST_B_user");
  BOOST_TEST(refused_as(errc::already_exists, made));
  BOOST_TEST(names(made, "its login is HOST_B_login"));
}

BOOST_AUTO_TEST_CASE(a_certificate_that_is_no_peers_is_refused) {
  const world_of_a all;
  const auto outbound = all.a.outbound();
  const auto user = server<host_a>::user<host_b>(outbound);
  const auto own = all.way.file_of("HOST_A");
  BOOST_TEST(refused_as(errc::invalid_argument,
                        user.obtain_certificate(own, outbound.certificate().fingerprint())));
  BOOST_TEST(
      refused_as(errc::invalid_argument, user.obtain_certificate(own, fingerprint_not_compared{})));
  const auto old = stranger("HOST_B", today - 400 * a_day);
  BOOST_TEST(
      refused_as(errc::certificate_expired, user.obtain_certificate(old, old.fingerprint())));
  BOOST_TEST(refused_as(errc::not_found,
                        user.obtain_certificate(all.way.file_of("NOBODY"), all.b.fingerprint())));
  write_file(all.way.file_of("TWO"), all.b.pem() + all.w.pem());
  BOOST_TEST(refused_as(errc::malformed,
                        user.obtain_certificate(all.way.file_of("TWO"), all.b.fingerprint())));
  write_file(all.way.file_of("JUNK"), "junk");
  BOOST_TEST(refused_as(errc::malformed, user.obtain_certificate(all.way.file_of("JUNK"),
                                                                 fingerprint_not_compared{})));
  BOOST_TEST(all.a.known().certificates().empty());
}

BOOST_AUTO_TEST_CASE(an_uncompared_certificate_is_taken_only_by_the_type_that_says_so) {
  const world_of_a all;
  const auto user = server<host_a>::user<host_b>(all.a.outbound());
  BOOST_TEST(accepted(user.obtain_certificate(all.b, fingerprint_not_compared{})));
  BOOST_TEST(
      refused_as(errc::certificate_untrusted, user.obtain_certificate(all.b, pki::fingerprint{})));
}

BOOST_AUTO_TEST_CASE(a_certificate_belongs_to_one_user_under_one_name) {
  const world_of_a all;
  const auto outbound = all.a.outbound();
  (void)server<host_a>::inbound<host_b>(outbound, all.b);
  const auto of_w = [&](const pki::certificate& taken) {
    return server<host_a>::user<host_w>(outbound)
        .obtain_certificate(taken, taken.fingerprint())
        .value();
  };
  // Another certificate under the name; the same one for another user, under its name and another.
  const auto other = of_w(all.w).associate_certificate("HOST_B_cert");
  BOOST_TEST(refused_as(errc::already_exists, other));
  BOOST_TEST(names(other, pki::to_text(all.b.fingerprint())));
  const auto same = of_w(all.b).associate_certificate("HOST_B_cert");
  BOOST_TEST(refused_as(errc::already_exists, same));
  BOOST_TEST(names(same, "its owner is HOST_B_user"));
  BOOST_TEST(refused_as(errc::already_exists, of_w(all.b).associate_certificate("HOST_W_cert")));
}

BOOST_AUTO_TEST_CASE(a_set_up_does_not_lift_a_denial) {
  for (const auto what : {auth::permission::connect, auth::permission::control}) {
    const world_of_a all;
    const auto step = server<host_a>::grant<host_b>(all.a.outbound(), all.b);
    all.change(
        [&](auth::directory& known) { return known.deny(what, "Mirroring", "HOST_B_login"); });
    const auto granted = step.grant_connect();
    BOOST_TEST(refused_as(errc::not_permitted, granted));
    BOOST_TEST(names(granted, "REVOKE"));
  }
}

BOOST_AUTO_TEST_CASE(start_looks_again_at_what_the_steps_did) {
  using permission = auth::permission;
  const world_of_a revoked;
  const auto first = revoked.all_inbound();
  revoked.change([](auth::directory& known) {
    return known.revoke(permission::connect, "Mirroring", "HOST_W_login");
  });
  const auto refused = first.start();
  BOOST_TEST(refused_as(errc::not_permitted, refused));
  BOOST_TEST(names(refused, "HOST_W"));

  const world_of_a dropped;
  const auto second = dropped.all_inbound();
  dropped.change([](auth::directory& known) { return known.drop_certificate("HOST_B_cert"); });
  BOOST_TEST(refused_as(errc::not_found, second.start()));

  world_of_a late;
  late.a.clock.set(today + 300 * a_day);
  late.b = stranger("HOST_B", today + 299 * a_day);
  late.w = stranger("HOST_W", today + 299 * a_day);
  late.a.options.start = today;
  late.a.options.expiry = today + 300 * a_day;
  auto steps = late.all_inbound();
  BOOST_TEST(accepted(steps.start()));

  for (const auto* world : {&revoked, &dropped})
    BOOST_TEST((load_endpoint(world->a.master()).value().state == endpoint_state::stopped));
}

BOOST_AUTO_TEST_CASE(start_refuses_an_own_certificate_that_is_not_valid_yet) {
  world_of_a all;
  all.a.options.start = today + a_day;
  const auto refused = all.all_inbound().start();
  BOOST_TEST(refused_as(errc::certificate_not_yet_valid, refused));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace setup_test

}  // namespace keywarden::testing

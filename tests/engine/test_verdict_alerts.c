/* SPDX-License-Identifier: MIT */
/* Which alert tells of which problem, and of which refusal: the tables of refusal.c, written a second time by hand. */
#include "check.h"

#include <openssl/x509_vfy.h>

#include "openssl.h"

static const struct {
    int problem;
    uint8_t alert;
} problems[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, 45},
    {X509_V_ERR_CRL_HAS_EXPIRED, 45},
    {X509_V_ERR_CERT_REVOKED, 44},
    {X509_V_ERR_INVALID_PURPOSE, 43},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, 51},
    {X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE, 51},
    {X509_V_ERR_CRL_SIGNATURE_FAILURE, 51},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, 48},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, 48},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, 48},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, 48},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, 48},
    {X509_V_ERR_CERT_CHAIN_TOO_LONG, 48},
    {X509_V_ERR_PATH_LENGTH_EXCEEDED, 48},
    {X509_V_ERR_INVALID_CA, 48},
    {X509_V_ERR_UNABLE_TO_GET_CRL, 48},
};
enum { PROBLEMS = sizeof problems / sizeof *problems, BAD_CERTIFICATE = 42 };

static void every_problem_has_its_alert_and_any_other_is_a_bad_certificate(void **state)
{
    (void)state;
    for (int problem = 0; problem < 150; problem++) {
        uint8_t want = BAD_CERTIFICATE;
        for (size_t i = 0; i < PROBLEMS; i++)
            if (problems[i].problem == problem)
                want = problems[i].alert;
        assert_int_equal(refusal_alert(problem), want);
    }
}

static void check_wanted(enum adieu_decision decision, uint8_t alert, int problem)
{
    int found = 777;
    assert_int_equal(refusal_wanted(decision, &found), alert);
    assert_int_equal(found, problem);
}

static void every_refusal_has_the_alert_of_its_name(void **state)
{
    (void)state;
    check_wanted(ADIEU_REFUSE, 0, 0);
    check_wanted(ADIEU_ACCEPT, 0, 0);
    check_wanted(ADIEU_LATER, 0, 0);
    check_wanted(ADIEU_REFUSE_UNKNOWN_CA, 48, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    check_wanted(ADIEU_REFUSE_REVOKED, 44, X509_V_ERR_CERT_REVOKED);
    check_wanted(ADIEU_REFUSE_EXPIRED, 45, X509_V_ERR_CERT_HAS_EXPIRED);
    check_wanted(ADIEU_REFUSE_UNKNOWN, 46, X509_V_ERR_NO_EXPLICIT_POLICY);
    check_wanted(ADIEU_REFUSE_ACCESS, 49, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_problem_has_its_alert_and_any_other_is_a_bad_certificate),
        cmocka_unit_test(every_refusal_has_the_alert_of_its_name),
    };
    return cmocka_run_group_tests_name("verdict alerts", tests, NULL, NULL);
}

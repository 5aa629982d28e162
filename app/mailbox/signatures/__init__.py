"""Signatures of mails: DKIM, ARC, and the results that a mail server of ours wrote down."""

"""The pages, a module each: what they show and the forms they take."""
